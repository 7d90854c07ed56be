"""A Runtime API client of the least kind: one connection, one event at a time."""

import http.client
import json
import os
import sys

import handler

PREFIX = "/2018-06-01/runtime/"


class Api:
    def __init__(self):
        self.connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

    def exchange(self, method, path, body=None, headers={}, **options):
        self.connection.request(method, PREFIX + path, body, headers, **options)
        answer = self.connection.getresponse()
        return answer, answer.read()

    def post(self, request_id, what, body, headers={}, **options):
        answer, text = self.exchange("POST", f"invocation/{request_id}/{what}", body, headers, **options)
        if answer.status != 202:
            sys.exit(f"{what} was answered {answer.status} {text}")


def main():
    api = Api()
    serve = getattr(handler, os.environ["_HANDLER"])
    while True:
        answer, event = api.exchange("GET", "invocation/next")
        if answer.status != 200:
            sys.exit(f"next was answered {answer.status}")
        request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            result = serve(json.loads(event))
        except Exception as error:
            kind = type(error).__name__
            document = json.dumps({"errorMessage": str(error), "errorType": kind, "stackTrace": []})
            api.post(request_id, "error", document, {"Lambda-Runtime-Function-Error-Type": kind})
            continue
        if hasattr(result, "__next__"):  # a generator streams
            api.post(request_id, "response", result, {"Lambda-Runtime-Function-Response-Mode": "streaming",
                     "Transfer-Encoding": "chunked", "Content-Type": "application/octet-stream"}, encode_chunked=True)
        else:
            api.post(request_id, "response", json.dumps(result), {"Content-Type": "application/json"})


main()
