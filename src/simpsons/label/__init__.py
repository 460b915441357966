"""Naming the faces of a project, many at a time: `simpsons label`.

`simpsons.label.session.Session` asks and takes answers without a page; `simpsons.label.server` has
the page.
"""
