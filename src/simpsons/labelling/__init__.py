"""Naming the faces of a project, many at a time: `simpsons label`.

`simpsons.labelling.session.Session` asks and takes answers without a page;
`simpsons.labelling.server` has the page.
"""
