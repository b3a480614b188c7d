"""Programs, commands and logs on a screen: monospaced lines in the colours of an editor."""

import re
import string

from synthesis.corpus import Corpus
from synthesis.page_maker import PageMaker, Spec

#: What is coloured alike; the first that matches counts.
_TOKENS = re.compile(
    r"""(?P<comment>(?:\#|//|--\s).*$)|(?P<string>"[^"]*"|'[^']*')|(?P<number>\b\d[\w.]*)"""
    r"""|(?P<called>\b[a-zA-Z_]\w*(?=\())|(?P<keyword>\b(?:def|class|return|if|else|elif|for|while"""
    r"""|in|not|import|from|as|with|raise|try|int|void|char|const|let|var|function|new|null|None"""
    r"""|True|False|true|false|public|static|struct|SELECT|FROM|WHERE|AND|LIKE|ORDER|BY)\b)"""
)


def draw(maker: PageMaker) -> Spec:
    """The specification of one."""
    width, height = maker.pick([(640, 400), (800, 600), (960, 540), (500, 700), (420, 300)])
    ground, ink = _theme(maker)
    face = maker.face(maker.size(7, 14), look="mono", fill=ink, plain=True)
    face |= {"tracking": 0.0, "spacing": 100.0, "small_caps": False, "old_style": False}
    inks = {kind: maker.ink_on(ground) for kind in _TOKENS.groupindex} | {"": ink}
    plain = maker.chance(0.3)  # as in a terminal
    inset = maker.uniform(4, 30)
    spec = maker.canvas(
        face,
        width=width,
        height=height,
        paper=ground,
        under=[],
        over=[],
        justify=False,
        hyphenate=False,
    )
    leading = maker.uniform(0.25, 0.9)
    numbered = maker.chance(0.35)
    columns = int((width - 2 * inset) / (0.61 * face["size"])) - 5 * numbered
    rows = int((height - 2 * inset) / ((0.75 + leading) * face["size"]))
    first = maker.count(1, 900)
    lines = [
        {
            "number": str(first + row) if numbered else "",
            "indent": len(text) - len(text.lstrip()),
            "runs": [
                {"face": maker.like(face, fill=ink if plain else inks[kind]), "text": part}
                for kind, part in coloured(text.lstrip())
            ],
        }
        for row, text in enumerate(Code(maker.text).lines(rows, columns))
    ]
    return spec | {
        "leading": leading,
        "inset": inset,
        "lines": lines,
        "number_face": maker.like(face, fill=maker.ink_on(ground)),
    }


def _theme(maker: PageMaker) -> tuple[str, str]:
    """Dark or light, as most editors are; sometimes any colours."""
    if maker.chance(0.2):
        return maker.colours()
    grey = maker.count(0, 45) if maker.chance(0.55) else maker.count(235, 255)
    ground = f"#{grey:02x}{grey:02x}{min(grey + maker.count(0, 12), 255):02x}"
    return ground, maker.ink_on(ground)


def coloured(line: str) -> list[tuple[str, str]]:
    """The line in pieces, each with the kind of its colour."""
    pieces, end = [], 0
    for match in _TOKENS.finditer(line):
        pieces += [("", line[end : match.start()]), (match.lastgroup or "", match.group())]
        end = match.end()
    return [(kind, text) for kind, text in [*pieces, ("", line[end:])] if text]


class Code:
    """Lines that look like programs in several languages; they mean nothing.

    Args:
        text: source of the words, and of all randomness.
    """

    def __init__(self, text: Corpus) -> None:
        self.text = text

    def lines(self, count: int, columns: int) -> list[str]:
        """Lines of one language, indented, none longer than `columns`."""
        languages = [self._script, self._braces, self._shell, self._log, self._data]
        make = languages[self.text.between(0, len(languages) - 1)]
        found: list[str] = []
        depth = 0
        while len(found) < count:
            if found and self.text.chance(0.08):
                found.append("")
                continue
            line = make()
            if line.startswith(("}", "</", "]")):
                depth = max(depth - 1, 0)
            indented = "    " * depth + line
            fits = len(indented) <= columns
            if fits:
                found.append(indented)
            if fits and line.endswith(("{", ":", "[")):
                depth = min(depth + 1, 5)
            elif not fits or self.text.chance(0.15):
                depth = max(depth - 1, 0)
        return found

    # -------------------------------------------------------------------------------- languages

    def _script(self) -> str:
        name, value = self._name, self._value
        return self.text.one_of(
            lambda: (
                f"def {name()}({name()}: {self._type()}, {name()}={value()}) -> {self._type()}:"
            ),
            lambda: f"def {name()}(self, {name()}):",
            lambda: f"if {self._test()}:",
            lambda: f"elif {self._test()}:",
            lambda: "else:",
            lambda: f"for {name()} in {self._call()}:",
            lambda: f"while {self._test()}:",
            lambda: f"with {self._call()} as {name()}:",
            lambda: f"return {value()}",
            lambda: f"{name()} {self._assign()} {value()}",
            lambda: f"{name()} {self._assign()} {value()}",
            lambda: f"{name()}.{name()} = {value()}",
            lambda: f"{name()}[{value()}] = {value()}",
            lambda: f"import {name()}.{name()} as {name()}",
            lambda: f"from {name()} import {name()}, {name()}",
            lambda: f"@{name()}",
            lambda: f"# {self.text.phrase()}",
            lambda: f'"""{self.text.sentence()}"""',
            lambda: f'raise {name().title()}Error(f"{{{name()}}}: {self.text.phrase()}")',
            lambda: f"assert {self._test()}, {self._string()}",
            lambda: f"lambda {name()}: {value()} {self._operator()} {value()}",
            self._call,
        )

    def _braces(self) -> str:
        name, value = self._name, self._value
        return self.text.one_of(
            lambda: (
                f"{self._type()} {name()}({self._type()} *{name()}, {self._type()} {name()}) {{"
            ),
            lambda: f"for (int i = 0; i < {name()}; ++i) {{",
            lambda: f"if ({self._test()}) {{",
            lambda: f"while (!{self._call()}) {{",
            lambda: "} else {",
            lambda: "}",
            lambda: "};",
            lambda: "});",
            lambda: f"return {value()};",
            lambda: f"const {self._type()} {name()} = {value()};",
            lambda: f"let {name()} = {name()} => {value()};",
            lambda: f"{name()} {self._assign()} {value()};",
            lambda: f"{name()} = {name()} ? {value()} : {value()};",
            lambda: f"{name()}->{name()} = &{name()}[{value()}];",
            lambda: f"// {self.text.phrase()}",
            lambda: f"/* {self.text.phrase()} */",
            lambda: f"#include <{name()}/{name()}.h>",
            lambda: f"std::vector<{self._type()}> {name()};",
            lambda: f"case {value()}: {self._call()}; break;",
            lambda: f"{self._call()};",
        )

    def _shell(self) -> str:
        name, word = self._name, self.text.word
        prompt = self.text.pick(["$ ", "$ ", "# ", "> ", f"{name()}@{name()}:~/{name()}$ "])
        return self.text.one_of(
            lambda: f"{prompt}{name()} --{word()} {self._value()} -{self._letter()}",
            lambda: f'{prompt}{name()} -{self._letter()} {name()}.txt | grep -v "{word()}"',
            lambda: f"{prompt}cd ~/{name()}/{name()} && ls -la",
            lambda: f"{prompt}export {name().upper()}={self._string()}",
            lambda: f"{prompt}./{name()} < {name()}.log > out.txt 2>&1 &",
            lambda: f"{prompt}curl -s {self.text.url()}",
            lambda: (
                f"-rw-r--r-- 1 {name()} {name()} {self.text.digits(5)} {self._changed()} {name()}"
            ),
            lambda: f"{name()}: {self.text.phrase()}",
            lambda: f"{self.text.percent()} |{'#' * self.text.between(2, 20)}| {self.text.time()}",
            self._query,
        )

    def _log(self) -> str:
        level = self.text.pick(["INFO", "WARN", "ERROR", "DEBUG", "[info]", "E:", "FATAL"])
        time = f"{self.text.digits(4)}-{self.text.digits(2)}-{self.text.digits(2)}"
        clock = ":".join(self.text.digits(2) for _ in range(3))
        exact = f"{clock}.{self.text.digits(3)}"
        stamp = self.text.pick([f"[{time} {clock}]", f"{time}T{clock}Z", exact])
        told = self.text.one_of(
            lambda: f"{self.text.phrase()} ({self.text.digits(3)})",
            lambda: f"{self._name()}={self._value()} {self._name()}={self._value()}",
            lambda: f"{self._name()}.{self._name()}:{self.text.digits(2)} - {self.text.phrase()}",
            lambda: (
                f"GET /{self._name()}/{self._name()} {self.text.digits(3)} {self.text.digits(2)}ms"
            ),
            lambda: f"{self.text.digits(3)}.0.0.1:{self.text.digits(4)} -> {self._name()}",
        )
        return f"{stamp} {level} {told}"

    def _data(self) -> str:
        name = self._name
        return self.text.one_of(
            lambda: f'"{name()}": {self._value()},',
            lambda: f'"{name()}": [',
            lambda: f'"{name()}": {{',
            lambda: "},",
            lambda: "],",
            lambda: f"{name()}: {self.text.phrase()}",
            lambda: f"- {name()}: {self._value()}",
            lambda: f'<{name()} {name()}="{self.text.word()}">{self.text.phrase()}</{name()}>',
            lambda: f"<{name()}/>",
            lambda: f".{name()} > {name()} {{ {name()}: {self.text.digits(2)}px; }}",
            lambda: f"{name()} = {self._value()}",
            self._query,
        )

    def _query(self) -> str:
        name = self._name
        return self.text.one_of(
            lambda: f"SELECT {name()}, {name()} FROM {name()} WHERE {name()} >= {self._value()}",
            lambda: f"AND {name()} LIKE '%{self.text.word()}%' ORDER BY {name()} DESC;",
            lambda: f"-- {self.text.phrase()}",
        )

    # ------------------------------------------------------------------------------------- parts

    def _name(self) -> str:
        words = [
            "".join(c for c in self.text.word() if c in string.ascii_lowercase) or "x"
            for _ in range(self.text.between(1, 3))
        ]
        style = self.text.pick(["snake", "snake", "camel", "single", "short", "upper"])
        if style == "snake":
            return "_".join(words)
        if style == "camel":
            return words[0] + "".join(word.capitalize() for word in words[1:])
        if style == "upper":
            return "_".join(words).upper()
        return words[0] if style == "single" else self._letter()

    def _value(self) -> str:
        return self.text.one_of(
            self._name,
            self._string,
            self._call,
            lambda: str(self.text.between(0, 9)),
            lambda: self.text.digits(self.text.between(1, 4)),
            lambda: f"0x{self.text.digits(4)}",
            lambda: f"{self.text.between(0, 99)}.{self.text.digits(2)}",
            lambda: f"{self._name()} {self._operator()} {self._name()}",
            lambda: f"{self._name()}{self._operator()}{self.text.between(0, 9)}",
            lambda: f"[{self._name()}, {self._name()}]",
            lambda: f"{{{self._string()}: {self.text.between(0, 99)}}}",
            lambda: self.text.pick(["None", "True", "false", "null", "[]", "{}", "()", "-1"]),
        )

    def _call(self) -> str:
        inside = ", ".join(self._name() for _ in range(self.text.between(0, 2)))
        owner = self.text.pick(["", "", f"{self._name()}.", "self.", "std::"])
        return f"{owner}{self._name()}({inside})"

    def _test(self) -> str:
        signs = ["==", "!=", "<", ">", "<=", ">=", "&&", "||", "and", "or", "is not", "in", "==="]
        return f"{self._name()} {self.text.pick(signs)} {self._value()}"

    def _string(self) -> str:
        quote = self.text.pick(['"', '"', "'"])
        return f"{quote}{self.text.one_of(self.text.word, self.text.phrase, self.text.code)}{quote}"

    def _type(self) -> str:
        return self.text.pick(
            ["int", "str", "float", "bool", "void", "char", "size_t", "list[int]", "dict[str, Any]"]
        )

    def _operator(self) -> str:
        return self.text.pick(["+", "-", "*", "/", "%", "**", "<<", ">>", "&", "|", "^", "//", "@"])

    def _assign(self) -> str:
        return self.text.pick(["=", "=", "=", "=", "+=", "-=", "*=", ":=", "|="])

    def _changed(self) -> str:
        month = self.text.pick(["Jan", "Feb", "Mar", "May", "Jul", "Oct", "Dec"])
        return f"{month} {self.text.between(1, 28)} {self.text.digits(2)}:{self.text.digits(2)}"

    def _letter(self) -> str:
        return self.text.pick(string.ascii_lowercase)
