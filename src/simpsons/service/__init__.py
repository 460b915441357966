"""A web page and an HTTP API that say who is in pictures: `simpsons serve`.

`simpsons.service.app.create_app` is the ASGI application, for any server; `simpsons.service.server`
runs it on this machine. The extra `app` has what they need.
"""
