"""Fill what docstrings of estimators, and of searches, share into them.

    python -m tests.write_docstrings

``docs/shared_docstrings.txt`` has each paragraph once. A heading there names the
classes, or methods, whose entries it is about, those of subclasses among them, and a
section; where several have an entry of a name, the one of the nearest class counts.
Defaults are those of the signature, and ``[adam]_`` becomes the number of that
reference. A parameter that a docstring does not have comes in its place; of another
section a line with the name alone is enough.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sknn_deep import estimators, model_selection

SHARED = Path(__file__).resolve().parents[1] / "docs" / "shared_docstrings.txt"
WIDTH = 88
SECTION = r"^{indent}{name}\n{indent}-+\n"
# A docstring's sections end where the next begins.
NEXT = r"^{indent}[A-Z][\w ]+\n{indent}-+\n|\Z"
CITED = r"\[(\w+)\]_"


class Entry(NamedTuple):
    """One of a section: `head` is what stands before the description."""

    head: str
    body: str

    @property
    def name(self) -> str:
        return self.head.partition(" :")[0].strip()


class Shared(NamedTuple):
    """What ``docs/shared_docstrings.txt`` says.

    Attributes
    ----------
    entries : dict of (owner, section) to dict of name to Entry
        An owner is a class or ``Class.method``.

    references : dict of key to text
    """

    entries: dict[tuple[str, str], dict[str, Entry]]
    references: dict[str, str]


def read_shared(text: str) -> Shared:
    shared = Shared({}, {})
    for part in re.split(r"^# ", text, flags=re.M)[1:]:
        heading, _, content = part.partition("\n")
        if heading == "References":
            shared.references.update(read_references(content))
            continue
        owners, _, section = heading.partition(": ")
        for owner in owners.split(", "):
            entries = {entry.name: entry for entry in read_entries(content, "")}
            shared.entries.setdefault((owner, section), {}).update(entries)
    return shared


def read_entries(text: str, indent: str) -> Iterator[Entry]:
    """Yield the entries of a section, whose names stand at `indent`."""
    for part in re.split(rf"^{indent}(?=\S)", text, flags=re.M)[1:]:
        head, *lines = re.sub(r" *\\\n\s*", " ", part).splitlines()
        yield Entry(head.rstrip(), textwrap.dedent("\n".join(lines)).strip("\n"))


def read_references(text: str) -> dict[str, str]:
    """Give the text of each reference by its number or key."""
    parts = re.split(r"^ *\.\. \[(\w+)\] ", text, flags=re.M)[1:]
    return dict(zip(parts[::2], map(unwrap, parts[1::2]), strict=True))


def unwrap(text: str) -> str:
    return " ".join(text.split())


# --- a docstring ----------------------------------------------------------------------


def fill_docstring(
    doc: str, shared: dict[str, dict[str, Entry]], references: dict[str, str], thing
) -> str:
    """Fill in shared entries by section, and number the references."""
    indent = re.search(r" *\Z", doc)[0]
    doc, own_references = name_references(doc, references, indent)
    for section, entries in shared.items():
        doc = fill_section(doc, section, entries, indent, thing)
    known = references | own_references
    keys = [key for key in known if f"[{key}]_" in doc]
    doc = fill_references(doc, {key: known[key] for key in keys}, indent)
    numbers = {key: str(i) for i, key in enumerate(keys, start=1)}
    for section, entries in shared.items():
        doc = fill_section(doc, section, entries, indent, thing, numbers)
    return re.sub(CITED, lambda m: f"[{numbers.get(m[1], m[1])}]_", doc)


def name_references(doc, references, indent) -> tuple[str, dict[str, str]]:
    """Cite by key in place of number; give also references that are the class's own."""
    keys = {text: key for key, text in references.items()}
    own, names = {}, {}
    found = find_section(doc, "References", indent)
    for number, text in read_references(found[1] if found else "").items():
        names[number] = keys.get(text, f"own{number}")
        if text not in keys:
            own[names[number]] = text
    return re.sub(CITED, lambda m: f"[{names.get(m[1], m[1])}]_", doc), own


def find_section(doc: str, name: str, indent: str) -> tuple[str, str, str] | None:
    """Divide a docstring: before a section's content, the content, and behind it."""
    start = re.search(SECTION.format(indent=indent, name=name), doc, re.M)
    if start is None:
        return None
    end = re.compile(NEXT.format(indent=indent), re.M).search(doc, start.end())
    content = doc[start.end() : end.start()]
    behind = content[len(content.rstrip()) :]
    return doc[: start.end()], content.rstrip(), behind + doc[end.start() :]


def fill_section(doc, name, shared, indent, thing, numbers=None) -> str:
    """Fill in a section's entries; without `numbers`, references stay keys."""
    found = find_section(doc, name, indent)
    if found is None:
        return doc
    before, content, behind = found
    own = {entry.name: entry for entry in read_entries(content, indent)}
    order = list(own)
    if name == "Parameters":
        signature = list(inspect.signature(thing).parameters)
        order = [n for n in signature if n in own or n in shared]
        order += [n for n in own if n not in order]
    entries = []
    for n in order:
        if n in shared:
            entries.append(render(shared[n], indent, default_of(thing, n), numbers))
        else:
            part = re.split(rf"^{indent}(?=\S)", content, flags=re.M)[1:]
            entries.append(indent + part[list(own).index(n)].rstrip())
    gap = "\n\n" if name in ("Parameters", "Attributes") else "\n"
    return before + gap.join(entries) + behind


def default_of(thing, name: str) -> str:
    parameter = inspect.signature(thing).parameters.get(name)
    default = None if parameter is None else parameter.default
    return f'"{default}"' if isinstance(default, str) else repr(default)


def fill_references(doc: str, references: dict[str, str], indent: str) -> str:
    found = find_section(doc, "References", indent)
    if found is None:
        return doc
    before, _, behind = found
    parts = (
        wrap(f".. [{i}] {text}", indent, indent + "   ")
        for i, text in enumerate(references.values(), start=1)
    )
    return before + "\n\n".join(parts) + behind


# --- layout ---------------------------------------------------------------------------


def render(entry: Entry, indent: str, default: str, numbers=None) -> str:
    """Write an entry as it stands in a docstring."""
    head = re.sub(r"default=\.\.\.", lambda _: f"default={default}", entry.head)
    lines = wrap(head, indent, indent + 8 * " ", end=" \\")
    body = re.sub(CITED, lambda m: f"[{(numbers or {}).get(m[1], m[1])}]_", entry.body)
    paragraphs = re.split(r"\n\n|\n(?=- )", body)
    gaps = re.findall(r"\n\n|\n(?=- )", body)
    for gap, paragraph in zip(["\n", *gaps], paragraphs, strict=True):
        inner = indent + 4 * " "
        hanging = inner + (2 * " " if paragraph.startswith("- ") else "")
        lines += gap + wrap(unwrap(paragraph), inner, hanging)
    return lines


def wrap(text: str, indent: str, hanging: str, end: str = "") -> str:
    """Wrap to the width of the code, but not within ``literals``."""
    literals = re.sub(r"``.+?``", lambda m: m[0].replace(" ", "\0"), text)
    lines, line = [], indent
    for word in literals.split(" "):
        last = len(end) if not literals.endswith(f" {word}") else 0
        longer = f"{line} {word}" if line.strip() else line + word
        if len(longer) + last > WIDTH and line.strip():
            lines.append(line + end)
            longer = hanging + word
        line = longer
    return "\n".join([*lines, line]).replace("\0", " ")


# --- files ----------------------------------------------------------------------------


def classes() -> Iterator[type]:
    """Yield the classes of the folders of the estimators and the searches."""
    for folder in (estimators, model_selection):
        for module in pkgutil.iter_modules(folder.__path__):
            file = importlib.import_module(f"{folder.__name__}.{module.name}")
            for cls in vars(file).values():
                if isinstance(cls, type) and cls.__module__ == file.__name__:
                    yield cls


def sections_of(owners: list[str], shared: Shared) -> dict[str, dict[str, Entry]]:
    """Collect what is shared by owners, of which the last counts most."""
    sections: dict[str, dict[str, Entry]] = {}
    for owner in owners:
        for (name, section), entries in shared.entries.items():
            if name == owner:
                sections.setdefault(section, {}).update(entries)
    return sections


def fill_class(source: str, cls: type, shared: Shared) -> str:
    """Fill the docstrings of a class, and of its methods, in a file's text."""
    owners = [base.__name__ for base in reversed(cls.__mro__)]
    (node,) = (
        n
        for n in ast.parse(source).body
        if isinstance(n, ast.ClassDef) and n.name == cls.__name__
    )
    things = [(node, owners, cls)] + [
        (n, [f"{cls.__name__}.{n.name}"], getattr(cls, n.name))
        for n in node.body
        if isinstance(n, ast.FunctionDef)
    ]
    for thing, names, value in reversed(things):
        sections = sections_of(names, shared)
        if sections and ast.get_docstring(thing):
            first, last = thing.body[0].lineno, thing.body[0].end_lineno
            lines = source.splitlines(keepends=True)
            raw = "".join(lines[first - 1 : last])
            before, doc, behind = raw.split('"""')
            filled = fill_docstring(doc, sections, shared.references, value)
            lines[first - 1 : last] = [f'{before}"""{filled}"""{behind}']
            source = "".join(lines)
    return source


def filled_files() -> dict[Path, str]:
    """Give the text that each file of estimators and searches is to have."""
    shared = read_shared(SHARED.read_text(encoding="utf-8"))
    texts: dict[Path, str] = {}
    for cls in classes():
        path = Path(inspect.getsourcefile(cls))
        text = texts.get(path) or path.read_text(encoding="utf-8")
        texts[path] = fill_class(text, cls, shared)
    return texts


if __name__ == "__main__":
    for path, text in filled_files().items():
        path.write_text(text, encoding="utf-8")
