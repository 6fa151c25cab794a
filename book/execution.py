"""Execute notebooks before Sphinx reads them: several at a time, each one only when it must.

MyST-NB executes one notebook after the other, and its cache looks at cells alone. Here all
notebooks without outputs are executed in parallel, into a cache keyed on everything they import;
MyST-NB then finds every one of them there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from docutils import nodes
from myst_nb.core.read import create_nb_reader
from myst_nb.ext.glue.utils import PendingGlueReference
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError
from sphinx.util import logging

from book.cache import OutputCache, has_code
from book.kernels import Job, execute
from book.withheld import page_text

LOG = logging.getLogger(__name__)
_executed: WeakKeyDictionary[Sphinx, dict[str, NotebookNode]] = WeakKeyDictionary()


class NotExecutedError(SphinxError):
    """A page of the book has code that did not run to its end."""

    category = "Not executed"


def executed_notebooks(app: Sphinx) -> dict[str, NotebookNode]:
    """All notebooks of the book with their outputs, by page name.

    They are there before the first page is read, so directives can use them. A page that does
    should call `reread_with_notebooks`.
    """
    return _executed.get(app, {})


def reread_with_notebooks(env: BuildEnvironment) -> None:
    """Note that the page being read has to be read again whenever any notebook was changed."""
    _pages(env, "course_readers").add(env.docname)


def execute_notebooks(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Fill the cache, and add to `docnames` the pages whose outputs are new."""
    cache = OutputCache(Path(app.confdir)).open()
    jobs = [job for name in sorted(env.found_docs) if (job := _job(env, name)) is not None]
    found = {job.docname: cache.find(job.notebook) for job in jobs}
    todo = [job for job in jobs if found[job.docname] is None]
    if todo:
        _execute(todo, cache, env)
    LOG.info("notebooks: %d executed, %d from the cache", len(todo), len(jobs) - len(todo))
    _executed[app] = {job.docname: found[job.docname] or job.notebook for job in jobs}
    new = {job.docname for job in todo}
    changed = bool(new or set(docnames) & set(found))
    env.course_notebooks_changed = changed or set(found) != _pages(env, "course_notebooks")  # type: ignore[attr-defined]
    env.course_notebooks = set(found)  # type: ignore[attr-defined]
    if env.course_notebooks_changed:  # type: ignore[attr-defined]
        new |= _pages(env, "course_readers") & env.found_docs
    docnames.extend(sorted(new - set(docnames)))


def _job(env: BuildEnvironment, docname: str) -> Job | None:
    path = Path(env.doc2path(docname))
    text = page_text(path, Path(env.srcdir))
    # The reader of MyST-NB itself: the key in the cache must be the one it will look for.
    config: Any = env
    reader = create_nb_reader(str(path), config.myst_config, config.mystnb_config, text)
    if reader is None:
        return None
    notebook = reader.read(text)
    return Job(docname, path, notebook) if has_code(notebook) else None


def _execute(todo: list[Job], cache: OutputCache, env: Any) -> None:
    LOG.info("executing %d notebooks", len(todo))
    execute(todo, cache, env.mystnb_config.execution_timeout, LOG.info)
    failed = [job for job in todo if job.error]
    if failed:
        for job in failed:
            LOG.error("%s: %s", job.docname, job.error)
        # Jupyter Book prints the exception twice: the tracebacks of cells are not in it.
        heads = [f"{job.docname}: {job.error.splitlines()[0]}" for job in failed]
        raise NotExecutedError("\n".join(heads))


def _pages(env: BuildEnvironment, name: str) -> set[str]:
    """A set of page names that is kept with the environment from build to build."""
    pages: set[str] = env.__dict__.setdefault(name, set())
    return pages


def set_cache_path(app: Sphinx, config: Config) -> None:
    """Let MyST-NB read the cache of this fingerprint; a new one makes Sphinx read every page."""
    config.nb_execution_cache_path = str(OutputCache(Path(app.confdir)).folder)


def forget_page(app: Sphinx, env: BuildEnvironment, docname: str) -> None:
    """Forget what was noted about a page that is read again or gone."""
    for name in ("course_readers", "course_glue"):
        _pages(env, name).discard(docname)


def note_glue(app: Sphinx, doctree: nodes.document) -> None:
    """Note pages that quote numbers, perhaps of another page."""
    if next(doctree.findall(PendingGlueReference), None) is not None:
        _pages(app.env, "course_glue").add(app.env.docname)


def pages_to_write(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages that quote numbers are written again when any notebook changed."""
    if not getattr(env, "course_notebooks_changed", True):
        return []
    return sorted(_pages(env, "course_glue") & env.found_docs)


def require_executed(app: Sphinx, env: Any) -> None:
    """Fail if a page has code that MyST-NB shows without outputs, whatever the reason."""
    missing = [
        name
        for name in _executed.get(app, {})
        if not (env.nb_metadata[name].get("exec_data") or {}).get("succeeded")
    ]
    if missing:
        raise NotExecutedError(
            f"the code of {', '.join(missing)} was not executed; look for execution_mode on the "
            "page, and for execute_notebooks and exclude_patterns in _config.yml"
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx."""
    app.connect("config-inited", set_cache_path)
    app.connect("env-before-read-docs", execute_notebooks)
    app.connect("env-purge-doc", forget_page)
    app.connect("doctree-read", note_glue)
    app.connect("env-updated", pages_to_write)
    app.connect("env-updated", require_executed)
    # Reading in parallel breaks sphinx-proof, and there is little left to gain.
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
