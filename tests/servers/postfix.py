"""A real Postfix for the tests: takes mail on loopback, delivers it to mailboxes, and bounces what has none.

Unpacked from Debian's package; everything it writes lies in one folder. Postfix insists on being root and on accounts
of its own. It gets neither: two of Debian's wrapper libraries let it believe that it has them.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Final

from services.standalone.private_process import User, free_port, kill, make_folders, server_user, spawn
from tests.servers.answers import smtp_answers
from tests.servers.backends import cache_folder
from tests.servers.debian_packages import unpack

_START_SECONDS: Final = 30.0
_QUEUES: Final = (
    *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
    *("maildrop", "pid", "private", "public", "saved", "trace"),
)

#: Names for the wrappers: Postfix' own two, and one without rights.
_ACCOUNTS: Final = """root:x:0:0::/:/bin/sh
postfix:x:{uid}:{gid}::/:/bin/sh
nobody:x:9998:9998::/:/bin/sh
"""
_GROUPS: Final = """root:x:0:
postfix:x:{gid}:
nobody:x:9998:
postdrop:x:9999:
"""

_MAIN: Final = """
compatibility_level = 3.6
myhostname = relay.example.net
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {tree}/usr/sbin
daemon_directory = {tree}/usr/lib/postfix/sbin
shlib_directory = {tree}/usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
default_privs = nobody
import_environment = {environment}
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
alias_maps =
alias_database =
smtpd_relay_restrictions = permit_mynetworks, reject
# Accepted first and bounced later, as by a relay that does not know the mailboxes behind it.
smtpd_reject_unlisted_recipient = no
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
default_transport = error:no way to the world from here
transport_maps = inline:{{ {{ {bounce_domain} = smtp:[127.0.0.1]:{bounce_port} }} }}
smtp_dns_support_level = disabled
smtp_host_lookup = native
minimal_backoff_time = 2s
maximal_backoff_time = 5s
queue_run_delay = 2s
"""

_MASTER: Final = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
verify    unix - - n - 1 verify
proxymap  unix - - n - - proxymap
smtp      unix - - n - - smtp
relay     unix - - n - - smtp
error     unix - - n - - error
retry     unix - - n - - error
virtual   unix - n n - - virtual
anvil     unix - - n - 1 anvil
scache    unix - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class PrivatePostfix:
    """One relay in one folder. ``domain`` is the one it has mailboxes of; bounces go to ``bounce_port``."""

    def __init__(self, folder: Path, domain: str, bounce_domain: str, bounce_port: int) -> None:
        self._folder = folder
        self._domain = domain
        self._bounce_domain = bounce_domain
        self.bounce_port = bounce_port
        self._user: User = server_user()
        self._master: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def start(self, mailboxes: Iterable[str]) -> None:
        """``mailboxes``: the local parts that exist. Returns when it takes mail. Raises ServerMissing."""
        self._lay_out(mailboxes)
        self._master = spawn(
            [self._tree / "usr/lib/postfix/sbin/master", "-d", "-c", self._folder / "etc"],
            user=self._user,
            environment=self._environment,
            log=self._folder / "master.log",
            folder=self._folder,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not smtp_answers(self.port):
            if self._master.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Postfix did not start:\n{self.log()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """With all its daemons: they share the master's session."""
        if self._master is not None:
            kill(self._master)

    def mails(self) -> dict[str, int]:
        """How many mails lie in each mailbox that got any."""
        boxes = (self._folder / "mail").glob("*/new")
        return {box.parent.name: len(list(box.iterdir())) for box in boxes}

    def log(self) -> str:
        logs = (self._folder / name for name in ("master.log", "mail.log"))
        return "\n".join(log.read_text(errors="replace")[-3000:] for log in logs if log.exists())

    @cached_property
    def _tree(self) -> Path:
        return unpack("postfix", re.compile("postfix"), cache_folder())

    @cached_property
    def _environment(self) -> dict[str, str]:
        wrappers = [
            next(unpack(package, re.compile(package), cache_folder()).glob(f"usr/lib/*/{library}"))
            for package, library in (("libuid-wrapper", "libuid_wrapper.so"), ("libnss-wrapper", "libnss_wrapper.so"))
        ]
        return {
            "LD_LIBRARY_PATH": str(self._tree / "usr/lib/postfix"),
            "LD_PRELOAD": ":".join(map(str, wrappers)),
            "MAIL_CONFIG": str(self._folder / "etc"),
            "NSS_WRAPPER_GROUP": str(self._folder / "group"),
            "NSS_WRAPPER_PASSWD": str(self._folder / "passwd"),
            "PATH": "/usr/bin:/bin",
            "UID_WRAPPER": "1",
            "UID_WRAPPER_ROOT": "1",
        }

    def _lay_out(self, mailboxes: Iterable[str]) -> None:
        folder, user = self._folder, self._user
        for place in ("etc", "data", "mail", *(f"queue/{queue}" for queue in _QUEUES)):
            make_folders(folder / place, 0o755)
        facts = {
            "folder": folder,
            "tree": self._tree,
            "domain": self._domain,
            "bounce_domain": self._bounce_domain,
            "bounce_port": self.bounce_port,
            "port": self.port,
            "uid": user.uid,
            "gid": user.gid,
            "environment": " ".join(f"{name}={value}" for name, value in self._environment.items()),
        }
        boxes = "".join(f"{name}@{self._domain} {name}/\n" for name in mailboxes)
        files = {"etc/main.cf": _MAIN, "etc/master.cf": _MASTER, "passwd": _ACCOUNTS, "group": _GROUPS}
        for name, text in files.items():
            (folder / name).write_text(text.format(**facts), encoding="utf-8")
        (folder / "mailboxes").write_text(boxes, encoding="utf-8")
        if user.drops:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user.uid, user.gid)
