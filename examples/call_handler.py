"""A call handler in a few lines: asks where a call goes, and never loses it when nobody answers.

Once:  pip install grpcio grpcio-tools
       python -m grpc_tools.protoc -Iproto --python_out=. --grpc_python_out=. proto/ringroute/v1/*.proto
Then:  PYTHONPATH=. python examples/call_handler.py '030 231 25-101' '+493023125000' berlin
"""

import sys

import grpc
from ringroute.v1 import call_routing_pb2 as messages, call_routing_pb2_grpc as services

ringroute = services.CallRoutingServiceStub(grpc.insecure_channel("127.0.0.1:50051"))


def destination(caller, did, trunk):
    request = messages.RouteCallRequest(caller=caller, did=did, trunk=trunk)
    try:
        answer = ringroute.RouteCall(request, timeout=0.2)
    except grpc.RpcError:
        return "operator"  # a call is never lost because a server is away
    return answer.destination.target or "operator"


print(destination(*sys.argv[1:4]))
