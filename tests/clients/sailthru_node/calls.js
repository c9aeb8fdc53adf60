// Makes the calls that stand on its input, one JSON object a line, with npm's client as it is; answers each with a line.
const readline = require("readline");
const { createSailthruClient } = require("sailthru-client");

const [, , apiUrl, key, secret] = process.argv;
const client = createSailthruClient(key, secret, { apiUrl });
client.disableLogging();

function tell(error, answer) {
  const rate = client.getLastRateLimitInfo("job", "POST") || null;
  process.stdout.write(JSON.stringify({ error, answer, rate }) + "\n");
}

const lines = readline.createInterface({ input: process.stdin });
lines.on("close", () => process.exit(0)); // whatever connection is still kept
lines.on("line", (line) => {
  const { job_id, job, options, report_email, postback_url } = JSON.parse(line);
  if (job_id !== undefined) {
    client.getJobStatus(job_id, tell);
  } else {
    const files = options.file === undefined ? [] : ["file"];
    client.processJob(job, options, report_email || false, postback_url || false, files, tell);
  }
});
