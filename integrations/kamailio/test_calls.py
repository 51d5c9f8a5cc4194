#!/usr/bin/env python3
"""Places real SIP calls through Kamailio and Ringroute, and looks where each one lands.

    integrations/kamailio/test_calls.py target/release/ringroute

Needs Debian's kamailio, kamailio-python3-modules, sip-tester, python3-grpcio, python3-protobuf and
protobuf-compiler and libprotobuf-dev; `.ci/run` installs them. Everything happens on 127.0.0.1, on ports that are free, in a
temporary folder. Nothing that is asserted depends on how fast the machine is.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 60

# Who calls (user part of From), what else the trunk says, and the receiver where the call must land.
CALLS = {
    "sales": ("+493023125101", "Subject: call"),
    "support": ("00442079460123", "Subject: call"),
    "asserted": ("unavailable", "P-Asserted-Identity: <sip:+442079460123@trunk.example>"),
    "unknown": ("+4930999999", "Subject: call"),
    "withheld": ("anonymous", "Subject: call"),
    "private": ("+493023125101", "Privacy: id"),
}
LANDS_AT = {"asserted": "support", "private": "withheld"}
DID = "+493023125000"
BUSY_DID = "+493023125999"
RECEIVERS = ["sales", "support", "unknown", "withheld", "fallback"]

SETTINGS = """
[numbers]
default_region = "DE"

[routing]
dial_strings = {{ {dial_strings} }}

[[source]]
name = "crm"
connection = {{ csv = {{ path = "{folder}/contacts.csv" }} }}
sync_filter = "select ${{MAP}} from csv.contacts"
field_map = {{ key = "id", last_name = "name", business_number = "phone" }}
phonebook = {{ by_property = {{ column = "belongto" }} }}

[[inbound_route]]
name = "Busy"
dids = ["+493023125999"]
destination = {{ type = "hang_up", target = "486" }}

[[inbound_route]]
name = "Sales customers"
phonebooks = ["Sales"]
destination = {{ type = "queue", target = "6400" }}

[[inbound_route]]
name = "Support customers"
phonebooks = ["Support"]
destination = {{ type = "ring_group", target = "6300" }}

[[inbound_route]]
name = "Withheld"
withheld = true
destination = {{ type = "announcement", target = "show-your-number" }}

[[inbound_route]]
name = "Everyone else"
destination = {{ type = "ivr", target = "6500" }}
"""


def port_blocks():
    """The first ports of blocks of four that are free, below those that the system gives out by itself: SIPp takes
    the ports next to its media port as well."""
    first = 20_000 + os.getpid() % 1000 * 8
    for port in range(first, 32_000, 4):
        with contextlib.ExitStack() as probes:
            try:
                for near in range(port, port + 4):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        probe = probes.enter_context(socket.socket(socket.AF_INET, kind))
                        probe.bind((LOOPBACK, near))
            except OSError:
                continue
        yield port


PORTS = port_blocks()


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain: {what}")


class Bench:
    """Ringroute, Kamailio and the receivers, in one temporary folder."""

    def __init__(self, ringroute, folder, stack):
        self.ringroute = ringroute
        self.folder = folder
        self.stack = stack
        self.server = None
        self.grpc = f"{LOOPBACK}:{next(PORTS)}"
        self.patient = next(PORTS)
        self.ports = {}
        self.calls = 0
        self.passed = 0

    def start(self, name, command, **options):
        log = self.stack.enter_context(open(self.folder / f"{name}.log", "ab"))
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **options
        )
        self.stack.callback(stop, process)
        return process

    def command(self, *arguments):
        """A command of ringroute, which must succeed."""
        environment = dict(os.environ, RINGROUTE_SERVER=f"http://{self.grpc}")
        done = subprocess.run(
            [self.ringroute, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"ringroute {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start_ringroute(self):
        data = self.folder / "data"
        self.server = self.start(
            "ringroute", [self.ringroute, "serve", "--listen", self.grpc, "--data-folder", data]
        )
        wait_until(self.is_answering, "ringroute answers")

    def is_answering(self):
        host, port = self.grpc.split(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0

    def write_contacts(self, extra):
        rows = ["id,name,phone,belongto", "1,Anna Müller,(030) 231 25-101,Sales"]
        rows.append("2,Oliver Ashworth,+44 (0)20 7946 0123,Support")
        rows += [f"{n},Contact {n},+49 40 {n:07},Sales" for n in range(1000, 1000 + extra)]
        new = self.folder / "contacts.new"
        new.write_text("\n".join(rows) + "\n")
        new.rename(self.folder / "contacts.csv")

    def start_receivers(self):
        for name in RECEIVERS:
            port = self.ports[name] = next(PORTS)
            command = ["sipp", "-sf", HERE / "sipp/receiver.xml", "-i", LOOPBACK, "-p", str(port)]
            command += ["-ci", LOOPBACK, "-cp", str(next(PORTS)), "-mi", LOOPBACK]
            command += ["-mp", str(next(PORTS)), "-nostdin", "-trace_logs"]
            command += ["-log_file", self.folder / f"{name}.calls"]
            self.start(f"receiver-{name}", command)

    def make_scripts(self):
        """What stands beside kamailio.cfg on a real machine: route_call.py and the modules of the contract."""
        scripts = self.folder / "scripts"
        scripts.mkdir()
        shutil.copy(HERE / "route_call.py", scripts)
        protos = sorted((PROJECT / "proto").rglob("*.proto"))
        subprocess.run(["protoc", f"-I{PROJECT}/proto", f"--python_out={scripts}", *protos], check=True)
        return scripts

    def apply_settings(self, dial):
        """Settings in which each of these types of destination is dialled at a port, on 127.0.0.1."""
        dial_strings = ", ".join(f'{kind} = "sip:{{target}}@{LOOPBACK}:{port}"' for kind, port in dial.items())
        file = self.folder / "settings.toml"
        file.write_text(SETTINGS.format(folder=self.folder, dial_strings=dial_strings))
        self.command("apply", "-f", str(file))

    def start_kamailio(self, script, port, deadline_ms=None):
        deadline = {} if deadline_ms is None else {"RINGROUTE_DEADLINE_MS": str(deadline_ms)}
        environment = {
            **deadline,
            "RINGROUTE_SERVER": self.grpc,
            "RINGROUTE_PBX": f"sip:{{target}}@{LOOPBACK}:{self.ports['withheld']}",
            "RINGROUTE_FALLBACK": f"sip:operator@{LOOPBACK}:{self.ports['fallback']}",
        }
        run_folder = self.folder / f"kamailio-{port}"
        run_folder.mkdir()
        command = ["kamailio", "-f", HERE / "kamailio.cfg", "-DD", "-E", "-Y", run_folder, "-w", run_folder]
        command += ["-A", f"LISTEN=udp:{LOOPBACK}:{port}", "-A", f'RINGROUTE_SCRIPT="{script}"']
        kamailio = self.start(
            f"kamailio-{port}", command, env=dict(os.environ, **environment), start_new_session=True
        )
        wait_until(lambda: answers_options(port, kamailio), "kamailio answers OPTIONS")

    def place(self, who, count, through=None, did=DID, scenario="caller"):
        """Places calls through a Kamailio, one after the other; each must come to its end as the scenario says."""
        caller, header = CALLS[who]
        self.calls += 1
        injected = self.folder / f"{self.calls}-{who}.csv"
        injected.write_text("SEQUENTIAL\n" + f"{caller};{did};{header}\n")
        command = ["sipp", "-sf", HERE / f"sipp/{scenario}.xml", "-inf", injected, "-i", LOOPBACK]
        command += ["-p", str(next(PORTS)), "-ci", LOOPBACK, "-cp", str(next(PORTS))]
        command += ["-mi", LOOPBACK, "-mp", str(next(PORTS)), "-m", str(count), "-l", "1", "-r", "1000"]
        command += ["-nostdin", "-timeout", f"{PATIENCE_SECONDS}s", "-timeout_error", f"{LOOPBACK}:{through or self.patient}"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        told = (done.stdout + done.stderr)[-4000:]
        assert done.returncode == 0, f"{count} calls of {who}: sipp ended with {done.returncode}\n{told}"

    def landed(self):
        """How many calls each receiver has taken."""
        counts = {}
        for name in RECEIVERS:
            file = self.folder / f"{name}.calls"
            counts[name] = len(re.findall("sip:", file.read_text())) if file.exists() else 0
        return counts

    def expect(self, what, who, count, where, through=None):
        """Places calls and checks that all of them land at one receiver, and none elsewhere."""
        before = self.landed()
        self.place(who, count, through)
        expected = {name: before[name] + (count if name == where else 0) for name in RECEIVERS}
        wait_until(lambda: sum(self.landed().values()) >= sum(expected.values()), "receivers write down calls")
        found = self.landed()
        assert found == expected, f"{what}, {who}: expected {expected}, found {found}"
        self.passed += 1
        print(f"ok  {what}: {count} calls, {who} -> {where}", flush=True)


def answers_options(port, kamailio):
    assert kamailio.poll() is None, "kamailio ended; its log says why"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ask:
        ask.bind((LOOPBACK, 0))
        ask.settimeout(0.2)
        mine = ask.getsockname()[1]
        ask.sendto(
            (
                f"OPTIONS sip:{LOOPBACK}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {LOOPBACK}:{mine};branch=z9hG4bK{mine}\r\n"
                f"From: <sip:test@{LOOPBACK}>;tag=1\r\nTo: <sip:test@{LOOPBACK}>\r\nCall-ID: {mine}\r\n"
                "CSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
            (LOOPBACK, port),
        )
        try:
            return ask.recv(4096).startswith(b"SIP/2.0 200")
        except OSError:
            return False


def stop(process):
    """Ends a process and all that it started."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGCONT)
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def every_kind(bench, what, count):
    for who in CALLS:
        bench.expect(what, who, count, LANDS_AT.get(who, who))


def run(bench):
    bench.write_contacts(0)
    bench.start_ringroute()
    bench.start_receivers()
    ports = bench.ports
    # Announcements have no dial string: the withheld caller lands where RINGROUTE_PBX is.
    bench.apply_settings({"queue": ports["sales"], "ring_group": ports["support"], "ivr": ports["unknown"]})
    bench.command("sync", "run", "crm")
    scripts = bench.make_scripts()
    # What is answered must not depend on how busy this machine is, so one Kamailio waits for long. The other has the
    # deadline of a real one, and is there to be disappointed.
    bench.start_kamailio(scripts / "route_call.py", bench.patient, deadline_ms=10_000)
    hasty = next(PORTS)
    bench.start_kamailio(scripts / "route_call.py", hasty)

    every_kind(bench, "as usual", 20)
    bench.place("sales", 5, did=BUSY_DID, scenario="refused")
    bench.passed += 1
    print("ok  as usual: 5 calls refused with 486", flush=True)

    with syncing(bench) as generations:
        while len(generations) < 5:
            every_kind(bench, "during syncs", 20)
    print(f"    {len(generations)} generations were published meanwhile", flush=True)

    os.kill(bench.server.pid, signal.SIGKILL)
    bench.server.wait()
    for who, through in (("sales", bench.patient), ("withheld", hasty)):
        bench.expect("engine killed", who, 20, "fallback", through)

    bench.start_ringroute()
    # Kamailio's workers find it again by themselves, within a second or so each.
    wait_until(lambda: all_back(bench), "every worker has found the engine again")
    every_kind(bench, "engine started again", 20)

    os.kill(bench.server.pid, signal.SIGSTOP)
    wait_until(lambda: is_frozen(bench.server.pid), "every thread of the engine stands still")
    for who in ("support", "unknown"):
        bench.expect("engine frozen", who, 10, "fallback", hasty)
    os.kill(bench.server.pid, signal.SIGCONT)
    wait_until(lambda: all_back(bench), "every worker is answered again")
    every_kind(bench, "engine thawed", 20)

    added_set_up_time(bench, scripts)


@contextlib.contextmanager
def syncing(bench):
    """Synchronises again and again, each time something else; yields the set of generations published."""
    generations = set()
    failures = []
    done = threading.Event()

    def work():
        extra = 20_000
        try:
            while not done.is_set():
                bench.write_contacts(extra)
                run = json.loads(bench.command("sync", "run", "crm", "--json"))
                generations.add(run["generation"])
                extra += 1
        except Exception as failure:
            failures.append(failure)
            done.set()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield generations
    finally:
        done.set()
        worker.join()
    assert not failures, failures


def is_frozen(process):
    threads = Path(f"/proc/{process}/task").iterdir()
    return all(re.search(r"^State:\s+T", (thread / "status").read_text(), re.M) for thread in threads)


def all_back(bench):
    """Whether no call falls back any more, whichever worker takes it."""
    before = bench.landed()
    bench.place("sales", 40)
    return bench.landed()["sales"] - before["sales"] == 40


def added_set_up_time(bench, scripts):
    """Prints what asking adds to the time until a phone rings, beside a Kamailio that does not ask."""
    phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    phone.bind((LOOPBACK, 0))
    rings_at = phone.getsockname()[1]
    (scripts / "not_asking.py").write_text(
        f"""import KSR
class Worker:
    def child_init(self, rank):
        return 0
    def route_call(self, message, *_):
        KSR.pv.sets("$var(next_hop)", "sip:6400@{LOOPBACK}:{rings_at}")
        return 1
def mod_init():
    return Worker()
"""
    )
    asking, not_asking = next(PORTS), next(PORTS)
    bench.apply_settings({"queue": rings_at})
    bench.start_kamailio(scripts / "route_call.py", asking)
    bench.start_kamailio(scripts / "not_asking.py", not_asking)
    times = {asking: [], not_asking: []}
    with phone:
        for number in range(1000):
            port = (asking, not_asking)[number % 2]
            times[port].append(time_until_ringing(port, phone, number))
    median = {port: 1000 * statistics.median(seconds) for port, seconds in times.items()}
    print(
        f"INVITE until ringing, median of {len(times[asking])} calls each: {median[asking]:.2f} ms asking Ringroute, "
        f"{median[not_asking]:.2f} ms not asking: {median[asking] - median[not_asking]:+.2f} ms",
        flush=True,
    )


def time_until_ringing(port, phone, number):
    """Places a call that rings and is then busy; returns the seconds from INVITE to 180."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
        trunk.bind((LOOPBACK, 0))
        trunk.settimeout(PATIENCE_SECONDS)
        phone.settimeout(PATIENCE_SECONDS)
        mine = trunk.getsockname()[1]

        def request(method, to_tag=""):
            return (
                f"{method} sip:{DID}@{LOOPBACK}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {LOOPBACK}:{mine};branch=z9hG4bK-{mine}-{number}\r\n"
                f"From: <sip:{CALLS['sales'][0]}@{LOOPBACK}>;tag={number}\r\n"
                f"To: <sip:{DID}@{LOOPBACK}>{to_tag}\r\nCall-ID: {mine}-{number}@{LOOPBACK}\r\n"
                f"CSeq: 1 {method}\r\nContact: <sip:{LOOPBACK}:{mine}>\r\nMax-Forwards: 9\r\n"
                "Content-Length: 0\r\n\r\n"
            ).encode()

        started = time.perf_counter()
        trunk.sendto(request("INVITE"), (LOOPBACK, port))
        invite, proxy = phone.recvfrom(65535)
        while not invite.startswith(b"INVITE") or f"{mine}-{number}@".encode() not in invite:
            invite, proxy = phone.recvfrom(65535)
        phone.sendto(answer_to(invite, "180 Ringing"), proxy)
        ringing = None
        answer = trunk.recv(65535)
        while not answer.startswith(b"SIP/2.0 486"):
            if answer.startswith(b"SIP/2.0 180") and ringing is None:
                ringing = time.perf_counter() - started
                phone.sendto(answer_to(invite, "486 Busy Here"), proxy)
            answer = trunk.recv(65535)
        trunk.sendto(request("ACK", ";tag=phone"), (LOOPBACK, port))
        return ringing


def answer_to(invite, status):
    kept = (b"via:", b"from:", b"call-id:", b"cseq:", b"record-route:")
    lines = invite.split(b"\r\n\r\n")[0].split(b"\r\n")
    headers = [line for line in lines if line.lower().startswith(kept)]
    headers += [line + b";tag=phone" for line in lines if line.lower().startswith(b"to:")]
    return b"\r\n".join([b"SIP/2.0 " + status.encode(), *headers, b"Content-Length: 0", b"", b""])


def main():
    ringroute = Path(sys.argv[1] if len(sys.argv) > 1 else PROJECT / "target/release/ringroute").resolve()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ringroute-calls-")))
        bench = Bench(ringroute, folder, stack)
        try:
            run(bench)
        except BaseException:
            for log in sorted(folder.glob("*.log")):
                print(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-30:]))
            raise
    print(f"{bench.passed} passed, 0 failed")


if __name__ == "__main__":
    main()
