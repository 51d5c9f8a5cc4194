"""Asks Ringroute where a call goes, for Kamailio's app_python3.

The rules of a look-up that stands in the way of a ringing phone:

* It has a deadline, and whatever goes wrong the call goes on, to the fallback destination.
* gRPC does not survive a fork, so every worker makes its channel when it begins (child_init), and asks once, so that
  its first call finds the connection made.
* A server that went away is tried again after 100 ms, and then at least once a second; until it is back each
  call falls back at once, without waiting for the deadline.

Settings are environment variables of Kamailio's process, so that this file can stay as it is.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import KSR as kamailio  # noqa: E402  (made by app_python3)
import grpc  # noqa: E402
from ringroute.v1 import call_routing_pb2 as messages  # noqa: E402  (made by protoc from Ringroute's proto)
from ringroute.v1 import route_pb2 as routes  # noqa: E402

SERVER = os.environ.get("RINGROUTE_SERVER", "127.0.0.1:50051")
DEADLINE_SECONDS = float(os.environ.get("RINGROUTE_DEADLINE_MS", "200")) / 1000
# Where a call goes when Ringroute does not answer, or has no route for it: a SIP URI.
FALLBACK = os.environ.get("RINGROUTE_FALLBACK", "sip:operator@127.0.0.1:5080")
# Where a destination is whose type has no SIP URI in Ringroute's settings (routing.dial_strings).
PBX = os.environ.get("RINGROUTE_PBX", "sip:{target}@127.0.0.1:5080")

CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
FIRST_CONNECTION_SECONDS = 1
DECLINED = 603  # RFC 3261, 21.6.2


def mod_init():
    """Called once, before Kamailio forks."""
    return Worker()


class Worker:
    """One of Kamailio's processes."""

    def child_init(self, rank):
        """Called in each process after the fork."""
        channel = grpc.insecure_channel(SERVER, options=CHANNEL_OPTIONS)
        self.route = channel.unary_unary(
            "/ringroute.v1.CallRoutingService/RouteCall",
            request_serializer=messages.RouteCallRequest.SerializeToString,
            response_deserializer=messages.RouteCallResponse.FromString,
        )
        match = channel.unary_unary(
            "/ringroute.v1.CallRoutingService/MatchCaller",
            request_serializer=messages.MatchCallerRequest.SerializeToString,
            response_deserializer=messages.MatchCallerResponse.FromString,
        )
        try:
            match(messages.MatchCallerRequest(), timeout=FIRST_CONNECTION_SECONDS)
        except grpc.RpcError:
            pass  # it may begin later than we do
        return 0

    def route_call(self, message, *_):
        """Sets $var(next_hop) and $var(alert_info), or $var(sip_cause)."""
        started = time.monotonic()
        try:
            request = messages.RouteCallRequest(
                caller=text("$var(caller)"), did=text("$rU"), trunk=text("$var(trunk)")
            )
            self.decide(self.route(request, timeout=DEADLINE_SECONDS))
        except Exception as error:  # whatever it is: the call goes on
            reason = error.code().name if isinstance(error, grpc.RpcError) else repr(error)
            took = 1000 * (time.monotonic() - started)
            kamailio.warn(f"ringroute: {reason} after {took:.1f} ms: the call goes to {FALLBACK}\n")
            kamailio.pv.seti("$var(sip_cause)", 0)
            kamailio.pv.sets("$var(next_hop)", FALLBACK)
        return 1

    @staticmethod
    def decide(answer):
        """Puts the answer where the configuration file finds it."""
        kind = routes.DestinationType.Name(answer.destination.type)
        kind = kind.removeprefix("DESTINATION_TYPE_").lower()
        target = answer.destination.target
        if kind == "hang_up":
            cause = int(target) if target.isdigit() else DECLINED
            kamailio.pv.seti("$var(sip_cause)", cause)
            return
        next_hop = answer.destination.dial_string
        if not next_hop.lower().startswith(("sip:", "sips:")):
            if next_hop:
                kamailio.warn(f"ringroute: dial string {next_hop!r} of {kind} is no SIP URI: RINGROUTE_PBX is used\n")
            next_hop = PBX.replace("{target}", target) if target else FALLBACK
        kamailio.pv.sets("$var(alert_info)", answer.alert_info)
        kamailio.pv.sets("$var(next_hop)", next_hop)
        kamailio.info(f"ringroute: route {answer.route!r} -> {next_hop}\n")


def text(variable):
    """The value of a pseudo-variable as text; a SIP message may hold anything."""
    value = kamailio.pv.get(variable)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value or "")[:256]
