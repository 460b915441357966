"""A page that says who is in pictures without a server: `simpsons export --web FOLDER`.

`simpsons.web.page.write` writes it. The network runs in the browser, in onnxruntime-web.
"""
