// Sends personal mails over a pool of connections and prints how many a second:
// node send.js '{"port": 25, "count": 1000, "connections": 10, "prose": "...", "dkim": null}'
import nodemailer from "nodemailer";

const wanted = JSON.parse(process.argv[2]);
const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port: wanted.port,
  secure: false,
  ignoreTLS: true,
  pool: true,
  maxConnections: wanted.connections,
  maxMessages: Infinity,
  ...(wanted.dkim ? { dkim: wanted.dkim } : {}),
});

function mail(number) {
  return {
    from: "Bench <bench@example.com>",
    to: `reader-${number}@example.com`,
    subject: `Hello Reader ${number}`,
    text: `Hello Reader ${number}, see https://example.com/\n${wanted.prose}\n`,
    html: `<p>Hello Reader ${number}, <a href="https://example.com/">see</a></p><p>${wanted.prose}</p>`,
  };
}

let next = 0;
async function sendOn() {
  while (next < wanted.count) await transport.sendMail(mail(next++));
}

const begun = process.hrtime.bigint();
await Promise.all(Array.from({ length: 4 * wanted.connections }, sendOn));
const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
transport.close();
console.log(JSON.stringify({ rate: wanted.count / seconds }));
