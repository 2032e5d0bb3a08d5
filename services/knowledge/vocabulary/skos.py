"""
SKOS files, read as a stream: what they say of concepts, statement by statement, whatever the file's size.

Turtle, TriG, N-Triples, N-Quads, Notation3, RDF/XML and JSON-LD, each also packed by gzip. Labels may be SKOS-XL, and
definitions nodes with an ``rdf:value``.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, cast

import pyoxigraph
from pyoxigraph import Literal, NamedNode, RdfFormat

from services.knowledge.vocabulary.statements import MalformedFile, Statement, normalize_language

FORMATS = {
    ".ttl": RdfFormat.TURTLE,
    ".trig": RdfFormat.TRIG,
    ".nt": RdfFormat.N_TRIPLES,
    ".nq": RdfFormat.N_QUADS,
    ".n3": RdfFormat.N3,
    ".rdf": RdfFormat.RDF_XML,
    ".owl": RdfFormat.RDF_XML,
    ".xml": RdfFormat.RDF_XML,
    ".jsonld": RdfFormat.JSON_LD,
    ".json": RdfFormat.JSON_LD,
}
# PostgreSQL keeps no longer ones in an index; nothing that people call a topic comes near it.
MAX_LABEL = 300
MAX_URI = 2000
MAX_DEFINITION = 2000

SKOS = "http://www.w3.org/2004/02/skos/core#"
SKOS_XL = "http://www.w3.org/2008/05/skos-xl#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
OWL = "http://www.w3.org/2002/07/owl#"

# Property → kind of statement.
TEXTS = {
    f"{SKOS}prefLabel": "preferred",
    f"{SKOS}altLabel": "alternative",
    f"{SKOS}definition": "definition",
    f"{SKOS_XL}prefLabel": "preferred",
    f"{SKOS_XL}altLabel": "alternative",
    f"{SKOS_XL}literalForm": "text",
    f"{RDF}value": "text",
}
RELATIONS = {
    f"{SKOS}broader": "broader",
    f"{SKOS}related": "related",
    f"{SKOS}inScheme": "scheme",
    f"{SKOS}topConceptOf": "scheme",
}
INVERSE_RELATIONS = {
    f"{SKOS}narrower": "broader",
    f"{SKOS}related": "related",
    f"{SKOS}hasTopConcept": "scheme",
}
NOT_CONCEPTS = {f"{SKOS}{kind}" for kind in ("ConceptScheme", "Collection", "OrderedCollection")}


def read_statements(path: Path, report: Callable[[float], object] = lambda _share: None) -> Iterator[Statement]:
    """
    Yield what a file says of concepts, in its order.

    Args:
        path: The file; its ending tells the syntax.
        report: Told now and then which share of the file is read.

    Raises:
        MalformedFile: It breaks the rules of its syntax, or the ending is none that is known.
        OSError: It cannot be read.
    """
    packed = path.suffix == ".gz"
    ending = (path.with_suffix("") if packed else path).suffix.lower()
    if ending not in FORMATS:
        raise MalformedFile(f"{path.name}: the ending is none of {', '.join(FORMATS)}, each also with .gz")
    with path.open("rb") as file, closing(_Source(file, packed=packed)) as source:
        size = max(path.stat().st_size, 1)
        try:
            quads = pyoxigraph.parse(cast(IO[bytes], source), FORMATS[ending], base_iri=f"file:///{path.name}")
            for number, quad in enumerate(quads):
                yield from _read_quad(quad)
                if number % 100_000 == 0:
                    report(file.tell() / size)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            where = f"line {line}" if line else f"at or before line {source.lines + 1}"
            raise MalformedFile(f"{path.name}, {where}: {error.args[0]}") from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise MalformedFile(f"{path.name}, after line {source.lines}: {error}") from error


class _Source(io.RawIOBase):
    """A file's bytes, unpacked, and how many lines of them were read."""

    def __init__(self, file: IO[bytes], *, packed: bool) -> None:
        self._file = gzip.GzipFile(fileobj=file) if packed else file
        self.lines = 0

    def read(self, size: int = -1, /) -> bytes:
        part = self._file.read(size)
        self.lines += part.count(b"\n")
        return part


def _read_quad(quad: pyoxigraph.Quad) -> Iterator[Statement]:
    property_, value = quad.predicate.value, quad.object
    subject = _name(quad.subject)
    if isinstance(value, Literal):
        text = value.value.replace("\0", "").strip()
        if kind := TEXTS.get(property_):
            longest = MAX_DEFINITION if kind == "definition" else MAX_LABEL
            if text and len(text) <= longest:
                yield Statement(subject, kind, normalize_language(value.language), text)
        elif property_ == f"{SKOS}notation" and text:
            yield Statement(subject, "notation", "", text[:MAX_LABEL])
        elif property_ == f"{OWL}deprecated" and text in ("true", "1"):
            yield Statement(subject, "deprecated", "", "")
        return
    other = _name(value)
    if kind := TEXTS.get(property_):
        yield Statement(subject, f"node:{kind}", "", other)
    elif property_ == f"{RDF}type" and other in NOT_CONCEPTS:
        yield Statement(subject, "other", "", "")
    if kind := RELATIONS.get(property_):
        yield Statement(subject, kind, "", other)
    if kind := INVERSE_RELATIONS.get(property_):
        yield Statement(other, kind, "", subject)


def _name(node: object) -> str:
    """Return the URI of a node, or its name in the file; a URI that no database can index is none."""
    if isinstance(node, NamedNode):
        return node.value if len(node.value) <= MAX_URI else "_:too-long"
    return str(node)
