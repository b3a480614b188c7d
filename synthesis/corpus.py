"""Text as people print it: running text in seven languages and everything else found on paper.

`Corpus` owns a generator; the same seed gives the same text. Words come by their frequency in
each language (wordfreq), names and places from Faker. Signs that running text hardly ever holds
are strewn in, so that a reader meets each of `SIGNS` thousands of times in a million words.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from unicodedata import normalize

import numpy as np
from faker import Faker
from wordfreq import get_frequency_dict

ACCENTED = "àâäáãåæçèéêëìíîïñòóôöõøœùúûüýÿßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØŒÙÚÛÜÝŸ"
COMMON_SIGNS = "€£¥§°©®™«»“”‘’„–—…•±×½¼¾²³µ·¿¡¢"
ASCII = string.ascii_letters + string.digits + string.punctuation
SIGNS = ASCII + ACCENTED + COMMON_SIGNS

LANGUAGES = {"en": 0.6, "fr": 0.1, "de": 0.09, "es": 0.07, "it": 0.05, "pt": 0.05, "nl": 0.04}
_LOCALES = {
    "en": "en_US",
    "fr": "fr_FR",
    "de": "de_DE",
    "es": "es_ES",
    "it": "it_IT",
    "pt": "pt_PT",
    "nl": "nl_NL",
}
#: The accented forms of each letter, "" if it has none.
_ACCENTS = {
    plain: "".join(char for char in ACCENTED if normalize("NFD", char)[0] == plain)
    for plain in string.ascii_letters
}
_VOCABULARY = 40_000  # words of each language
_POOL = 250  # names, streets, towns and firms of each language
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre"
    " diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre"
    " dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro"
    " dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
}
LABELS = {
    "en": "Name,First name,Date,Date of birth,Address,City,State,Zip,Country,Phone,Tel. No.,Fax"
    ",E-mail,Company,Department,Title,Subject,To,From,cc,Re,Ref.,Account No.,Invoice #,Order No."
    ",Customer ID,Total,Subtotal,Tax,Amount due,Qty,Unit price,Description,Item,Comments,Remarks"
    ",Signature,Approved by,Prepared by,Status,Region,Brand,Code,Page,No. of pages,Social Security"
    " No.,Sex,Age,Weight,Height,Project,Sample No.,Lot,Batch,Test,Result,Method,Budget,Cost,Period"
    ",Start date,End date,Location,Contact,Purpose,Quantity,Type,Size,Manufacturer,Distribution",
    "fr": "Nom,Prénom,Date,Adresse,Ville,Code postal,Téléphone,N° de compte,Objet,Montant,Total TTC"
    ",Total HT,TVA,Quantité,Désignation,Référence,Signature,Né(e) le,À,Fait à,Société,Reçu n°",
    "de": "Name,Vorname,Datum,Straße,PLZ/Ort,Telefon,Betrag,Summe,MwSt.,Menge,Bezeichnung"
    ",Kunden-Nr.,Rechnung Nr.,Unterschrift,Betreff,Gültig bis,Geburtsdatum,Größe"
    ",Bemerkungen,Kto.-Nr.",
    "es": "Nombre,Apellidos,Fecha,Dirección,Ciudad,Teléfono,Importe,Total,IVA,Cantidad,Descripción"
    ",Factura n.º,Firma,Código,Año,Observaciones,Número,Población",
    "it": "Nome,Cognome,Data,Indirizzo,Città,Telefono,Importo,Totale,IVA,Quantità,Descrizione"
    ",Fattura n.,Firma,Codice,Luogo,Nato a,Note,Oggetto",
    "pt": "Nome,Data,Endereço,Cidade,Telefone,Valor,Total,IVA,Quantidade,Descrição,Assinatura"
    ",Código,Número,Observações,Morada,Região",
    "nl": "Naam,Voornaam,Datum,Adres,Plaats,Telefoon,Bedrag,Totaal,Btw,Aantal,Omschrijving"
    ",Handtekening,Factuurnr.,Klantnr.,Betreft,Opmerkingen",
}
#: Opening and closing marks of speech.
_QUOTES = {
    "en": ["“|”", "“|”", "‘|’", '"|"'],
    "fr": ["« | »", "«|»", "“|”", '"|"'],
    "de": ["„|“", "»|«", '"|"'],
    "es": ["«|»", "“|”", '"|"'],
    "it": ["«|»", "“|”", '"|"'],
    "pt": ["«|»", "“|”", '"|"'],
    "nl": ["‘|’", "“|”", '"|"'],
}
#: What stands before a vowel, its own vowel dropped.
_ELISIONS = {"fr": "l' d' qu' j' n' s' c' m'", "it": "l' d' un' dell' all' c'"}
_CONTRACTIONS = (
    "I'm I've I'd I'll it's that's what's he's she's there's you're they're we're they'd you'd he'd"
    " you'll they'll don't didn't can't won't isn't wasn't couldn't 'tis o'clock ma'am"
)
_TITLES = "Mr. Mrs. Dr. St. Capt. Sir Lord Lady Prof. Messrs. Rev. Col."
_CHAPTERS = "Chapter CHAPTER Book BOOK Part PART Act ACT Section Vol. Plate Appendix"
_DOMAINS = ("com", "org", "net", "edu", "gov", "de", "fr", "es", "it", "nl", "co.uk", "eu", "info")


class Corpus:
    """Random text, of one language at a time.

    Args:
        rng: source of all randomness.
        language: a key of `LANGUAGES`, or None to draw one by its share.
    """

    def __init__(self, rng: np.random.Generator, *, language: str | None = None) -> None:
        self.rng = rng
        self.language = language or str(rng.choice(list(LANGUAGES), p=list(LANGUAGES.values())))
        self.curly = self.chance(0.6)  # apostrophes
        self._words, self._cumulative, self._plain = _vocabulary(self.language)
        self._drawn: list[str] = []

    # ------------------------------------------------------------------------------ small tools

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)

    def pick(self, options: Sequence[str]) -> str:
        """One of the options."""
        return options[int(self.rng.integers(len(options)))]

    def one_of(self, *makers: Callable[[], str]) -> str:
        """What one of the makers gives."""
        return makers[int(self.rng.integers(len(makers)))]()

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def digits(self, n: int) -> str:
        """A string of n digits."""
        return "".join(map(str, self.rng.integers(0, 10, n)))

    def letters(self, n: int) -> str:
        """A string of n capitals."""
        return "".join(self.pick(string.ascii_uppercase) for _ in range(n))

    # ------------------------------------------------------------------------------ running text

    def word(self) -> str:
        """A word in lower case, by (flattened) frequency."""
        if not self._drawn:
            at = np.searchsorted(self._cumulative, self.rng.random(512))
            self._drawn = [self._words[i] for i in np.minimum(at, len(self._words) - 1)]
        return self._drawn.pop()

    def words(self, n: int) -> str:
        """n words in lower case."""
        return " ".join(self.word() for _ in range(n))

    def sentence(self, n: int | None = None) -> str:
        """A sentence with its punctuation, numbers, names, quotes and asides."""
        n = n or 3 + int(self.rng.gamma(2.2, 4))
        tokens = []
        for i in range(n):
            draw = self.rng.random()
            token = self.word()
            if draw < 0.03:
                token = self.number()
            elif draw < 0.06:
                token = capitals(token[:1]) + token[1:]
            elif draw < 0.08:
                token = capitals(token)
            elif draw < 0.095:
                token = self.one_of(self.date, self.amount, self.code, self.percent)
            elif draw < 0.105:
                token = f"{token}{self.pick('-–/')}{self.word()}"
            elif draw < 0.13:
                token = self._enclosed(token)
            elif draw < 0.17:
                token = self._spiced(token)
            elif draw < 0.195:
                token = self.random_string()
            if i < n - 1 and draw > 0.13 and self.chance(0.09):
                token += self.pick(",,,,,;:")
            tokens.append(token)
            if self.chance(0.012):
                tokens.append(self.pick(["–", "—", "-", "&", "+", "=", "*", "/", "•", "…", "|"]))
        tokens[0] = capitals(tokens[0][:1]) + tokens[0][1:]
        end = self.pick([".", ".", ".", ".", ".", ".", "?", "!", ":", "...", "…", ";"])
        return self._curled(" ".join(tokens) + end)

    def paragraph(self, sentences: int | None = None) -> str:
        """Some sentences."""
        make = self.told if self.chance(0.3) else self.sentence
        return " ".join(make() for _ in range(sentences or self.between(2, 6)))

    def told(self) -> str:
        """A sentence as in books: clauses, speech, asides; common words as common as they are."""
        opening, closing = self.pick(_QUOTES[self.language]).split("|")
        dash = self.pick([" – ", "—", "—", " — ", " -- ", "--"])
        first, second, end = self.clause(), self.clause(), self.pick(".....?!")
        joint = self.pick([", ", ", ", "; ", ": ", dash, f" ({self.clause()}) ", " "])
        text = first + joint + second + end
        draw = self.rng.random()
        if draw < 0.15:
            text = first + end
        elif draw < 0.45:  # speech, and by whom
            said = capitals(first[:1]) + first[1:]
            pause = self.pick([",", ",", "!", "?", "…", "!—"])
            by = f"{self.word()} {self.pick([self.name(), self._pool('last'), self.word()])}"
            text = f"{opening}{said}{pause}{closing} {by}"
            text += f", {opening}{second}{end}{closing}" if self.chance(0.5) else "."
        elif draw < 0.65:
            text = f"{opening}{capitals(text[:1]) + text[1:]}{closing}"
        elif draw < 0.75:
            text = f"{first}{joint}{opening}{second}{closing}{self.pick('.,;:')} {self.clause()}."
        return self._curled(text if text[0] in opening else capitals(text[:1]) + text[1:])

    def clause(self) -> str:
        """Some words, among them contractions, names with their titles, Roman numerals."""
        at = np.searchsorted(self._plain, self.rng.random(self.between(2, 9)))
        tokens = [self._words[i] for i in np.minimum(at, len(self._words) - 1)]
        for i, token in enumerate(tokens):
            draw = self.rng.random()
            if self.language == "en" and draw < 0.16:
                tokens[i] = (
                    self.pick(_CONTRACTIONS.split()) if draw < 0.06 else self.pick("IIIIIIaAO")
                )
            elif self.language in _ELISIONS and draw < 0.1 and token[0] in "aeéèêiouhàâ":
                tokens[i] = self.pick(_ELISIONS[self.language].split()) + token
            elif draw > 0.98:
                tokens[i] = f"{self.pick(_TITLES.split())} {self._pool('last')}"
            elif draw > 0.96:
                tokens[i] = self._pool("last") + self.pick(["'s", "'", "'s", ""])
            elif draw > 0.945:
                tokens[i] = f"{self._pool('first')} {roman(self.between(1, 22))}"
            elif draw > 0.93:
                tokens[i] = str(self.between(1, 1999))
            elif draw > 0.925:
                tokens[i] = self.pick(["&c.", "viz.", "i.e.", "p. 9", "etc.", "No. 1", "per cent."])
        return " ".join(tokens)

    def heading(self) -> str:
        """A few words as in headings: UPPER CASE, Title Case or plain, perhaps numbered."""
        if self.chance(0.06):
            number = roman(self.between(1, 60)) + self.pick(["", ".", ":"])
            return f"{self.pick(_CHAPTERS.split())} {number}"
        text = self.words(self.between(1, 6))
        style = self.rng.random()
        if style < 0.4:
            text = capitals(text)
        elif style < 0.75:
            text = _title(text)
        else:
            text = capitals(text[:1]) + text[1:]
        if self.chance(0.25):
            number = f"{self.between(1, 30)}"
            text = f"{self.pick([number, number + '.', f'{number}.{self.between(1, 9)}'])} {text}"
        return text + (":" if self.chance(0.12) else "")

    def line(self) -> str:
        """A line of mixed content."""
        return self.one_of(self.sentence, self.heading, self.field_value, self.phrase)

    def phrase(self) -> str:
        """One to five words, capitalised at random."""
        text = self.words(self.between(1, 5))
        return self.pick([text, capitals(text[:1]) + text[1:], _title(text), capitals(text)])

    # ---------------------------------------------------------------------------- small entities

    def number(self) -> str:
        """A number, written in one of many ways."""
        value = int(10 ** self.rng.uniform(0, 6.5))
        group = self.pick([",", ".", " ", "", "'"]) if self.chance(0.6) else ""
        text = f"{value:,}".replace(",", group)
        if self.chance(0.3):
            point = "," if group in {".", " "} else "."
            text += point + self.digits(self.between(1, 3))
        elif self.chance(0.06):
            text += self.pick(["st", "nd", "rd", "th", "°", "½", "¼", "¾", "%", "x", "²", "³", "ª"])
        elif self.chance(0.05):
            text = self.pick("+-±<>~#×") + text
        return text

    def amount(self) -> str:
        """An amount of money."""
        value = 10 ** self.rng.uniform(-0.3, 5)
        text = f"{value:,.2f}"
        if self.chance(0.3):
            text = text.translate(str.maketrans(",.", self.pick([".,", " ,"])))
        elif self.chance(0.4):
            text = text.replace(",", "")
        if self.chance(0.1):
            text = text[:-3] + self.pick([",-", ".-", "", ".–"])
        sign = self.pick("$$$€€£¥")
        style = self.rng.random()
        if style < 0.3:
            text = sign + text
        elif style < 0.42:
            text = f"{text} {self.pick('€€£$')}"
        elif style < 0.5:
            text = f"{self.pick(['RM', 'USD', 'EUR', 'GBP', 'CHF', 'US$', 'Rs.', 'kr'])} {text}"
        elif style < 0.54:
            text = f"({text})"
        elif style < 0.57:
            text = f"-{text}"
        return text

    def percent(self) -> str:
        """A percentage."""
        value = f"{self.rng.uniform(0, 120):.{self.between(0, 2)}f}"
        return self.pick([f"{value}%", f"{value} %", f"({value}%)", f"±{value}%", f"+{value}%"])

    def date(self) -> str:
        """A date, or a date and a time."""
        d, m, y = self.between(1, 28), self.between(1, 12), self.between(1935, 2030)
        month = _MONTHS[self.language].split()[m - 1]
        text = self.pick(
            [
                f"{m}/{d}/{y % 100:02}",
                f"{d:02}/{m:02}/{y}",
                f"{y}-{m:02}-{d:02}",
                f"{d:02}.{m:02}.{y}",
                f"{d}.{m}.{y % 100:02}",
                f"{d:02}-{m:02}-{y}",
                f"{month} {d}, {y}",
                f"{d} {month} {y}",
                f"{d}. {month} {y}",
                f"{month[:3]} {y}",
                f"{d:02}-{month[:3].upper()}-{y % 100:02}",
                f"{month} '{y % 100:02}",
                f"{y}",
                f"{y}/{(y + 1) % 100:02}",
                f"{month[:3]}. {d}, {y}",
            ]
        )
        if self.chance(0.15):
            text += f" {self.time()}"
        return text

    def time(self) -> str:
        """A time of day."""
        h, m, s = self.between(0, 23), self.between(0, 59), self.between(0, 59)
        half = self.pick(["AM", "PM", "am", "pm", "a.m.", "p.m."])
        return self.pick(
            [
                f"{h:02}:{m:02}",
                f"{h:02}:{m:02}:{s:02}",
                f"{h % 12 + 1}:{m:02} {half}",
                f"{h:02}h{m:02}",
                f"{h}.{m:02}",
                f"{h % 12 + 1}{half}",
            ]
        )

    def phone(self) -> str:
        """A telephone number."""
        a, b, c = self.digits(3), self.digits(3), self.digits(4)
        return self.pick(
            [
                f"({a}) {b}-{c}",
                f"{a}-{b}-{c}",
                f"{a}.{b}.{c}",
                f"+{self.between(1, 99)} {a} {b} {c}",
                f"0{a[:2]}/{b}{c}",
                f"{a[:2]} {b[:2]} {c[:2]} {c[2:]} {a[1:]}",
                f"{b}-{c}",
                f"+{self.between(1, 99)}({a}){b}-{c}",
                f"{b}-{c} x{self.digits(3)}",
                f"0{a} {b}{c}",
            ]
        )

    def code(self) -> str:
        """A serial, part, account or article number: letters, digits and what joins them."""
        if self.chance(0.12):  # no pattern at all
            n = self.between(3, 12)
            return "".join(self.pick(string.ascii_uppercase + string.digits * 2) for _ in range(n))
        if self.chance(0.08):
            return "".join(self.pick("0123456789abcdef") for _ in range(self.between(4, 16)))
        joint = self.pick(["-", "-", "/", ".", "", "_", ":", " "])
        parts = []
        for _ in range(self.between(1, 3)):
            n = self.between(1, 6)
            parts.append(self.digits(n) if self.chance(0.65) else self.letters(min(n, 4)))
        text = joint.join(parts)
        if self.chance(0.15):
            text = self.pick(["#", "No.", "N°", "*", "§", "Art. ", "Nr. ", "P/N ", "S/N: "]) + text
        if self.chance(0.05):
            text += self.pick(["*", "#", "+", "®", "™", "(A)", "[1]", "†"])
        return text

    def name(self) -> str:
        """A person's name."""
        first, last = self._pool("first"), self._pool("last")
        text = self.pick(
            [
                f"{first} {last}",
                f"{first} {last}",
                f"{last}, {first}",
                f"{first[0]}. {last}",
                f"{first} {self.letters(1)}. {last}",
                f"{self.pick(['Mr.', 'Mrs.', 'Dr.', 'M.', 'Ms.'])} {last}",
                f"{first[0]}.{self.letters(1)}. {last}",
                last,
                f"{last} {first[0]}.",
            ]
        )
        return capitals(text) if self.chance(0.15) else text

    def company(self) -> str:
        """A firm."""
        text = self._pool("company")
        if self.chance(0.2):
            text += self.pick(
                [" & Co.", " Ltd.", " Inc.", " GmbH", " S.A.", " SDN BHD", " (M)", "®"]
            )
        return capitals(text) if self.chance(0.35) else text

    def address(self) -> list[str]:
        """The lines of a postal address."""
        street, town = self._pool("street"), self._pool("town")
        number = f"{self.between(1, 999)}{self.pick(['', '', '', 'A', 'b', '/2'])}"
        place = self.pick(
            [
                f"{self.digits(5)} {town}",
                f"{town}, {self.letters(2)} {self.digits(5)}",
                f"{town} {self.letters(2)}{self.digits(1)} {self.digits(1)}{self.letters(2)}",
                f"{self.letters(1)}-{self.digits(4)} {town}",
                f"{town} {self.digits(5)}-{self.digits(4)}",
            ]
        )
        road = self.pick([f"{number} {street}", f"{street} {number}", f"No. {number}, {street},"])
        lines = [road, place]
        if self.chance(0.3):
            lines.insert(0, self.pick(["P.O. Box ", "Suite ", "Apt. #", "c/o "]) + self.digits(3))
        return [capitals(text) for text in lines] if self.chance(0.2) else lines

    def email(self) -> str:
        """An e-mail address."""
        first, last = (_plain(self._pool(kind)).lower() for kind in ("first", "last"))
        joint = self.pick([".", "_", "-", ""])
        user = self.pick([f"{first}{joint}{last}", f"{first[0]}{last}", f"{last}{self.digits(2)}"])
        return f"{user}@{_plain(self.word()) or 'mail'}.{self.pick(_DOMAINS)}"

    def url(self) -> str:
        """A web address, a path or a handle."""
        host = (
            f"{_plain(self.word()) or 'web'}{self.pick(['', '-' + (_plain(self.word()) or 'x')])}"
        )
        host += f".{self.pick(_DOMAINS)}"
        tail = self.pick(
            [
                "",
                "",
                f"/{self.word()}",
                f"/{self.word()}/{self.digits(3)}.html",
                f"/?id={self.digits(4)}&q={self.word()}",
                f"/~{self.word()}/",
            ]
        )
        if self.chance(0.1):
            return self.pick(
                [
                    f"@{host.split('.')[0]}",
                    f"#{host.split('.')[0]}",
                    f"C:\\{self.word()}\\{self.word()}.txt",
                    f"/{self.word()}/{self.word()}",
                ]
            )
        return self.pick(["www.", "http://www.", "https://", "", "http://"]) + host + tail

    def random_string(self) -> str:
        """Signs without sense: any of `SIGNS`, the rarer the likelier."""
        n = self.between(1, 8)
        kind = self.rng.random()
        if kind < 0.35:
            signs = string.punctuation + COMMON_SIGNS
            middle = string.ascii_letters + string.digits
            return "".join(self.pick(signs if self.chance(0.5) else middle) for _ in range(n))
        if kind < 0.6:
            rare = ACCENTED + COMMON_SIGNS
            return "".join(self.pick(rare) for _ in range(n))
        if kind < 0.85:
            signs = ACCENTED if self.chance(0.5) else string.ascii_letters
            return "".join(self.pick(signs if self.chance(0.6) else ACCENTED) for _ in range(n))
        return "".join(self.pick(ASCII) for _ in range(n))

    def sign(self) -> str:
        """A single sign."""
        return self.pick(SIGNS)

    def label(self) -> str:
        """The name of a field of a form."""
        language = self.language if self.chance(0.7) else "en"
        text = self.pick(LABELS[language].split(","))
        if self.chance(0.25):
            text = self.phrase()
        if self.chance(0.2):
            text = capitals(text)
        if self.chance(0.06):
            text = f"{self.between(1, 40)}{self.pick(['.', ')', ':', ''])} {text}"
        if self.chance(0.06):
            text += self.pick([" *", "*", " (1)", " [A]", " #", "?", " (mm)", " (if any)", " %"])
        return text

    def field_value(self) -> str:
        """What is filled into a field."""
        return self.one_of(
            self.name,
            self.date,
            self.amount,
            self.code,
            self.code,
            self.phone,
            self.number,
            self.company,
            self.phrase,
            self.phrase,
            lambda: self.address()[0],
            self.percent,
            self.email,
            self.url,
            self.time,
            self.random_string,
            self.number,
            self.heading,
        )

    # ---------------------------------------------------------------------------------- innards

    def _enclosed(self, token: str) -> str:
        pairs = ["()", "()", "()", "[]", "{}", "<>", "“”", "«»", "‘’", "„“", '""', "''", "**", "__"]
        pair = self.pick(pairs)
        return pair[0] + token + pair[1]

    def _spiced(self, token: str) -> str:
        """A word with a rare sign before or behind, or an accent inside.

        Most accents stand on letters that the language leaves plain: who reads them must look,
        and cannot guess.
        """
        if self.chance(0.5):
            sign = self.pick(string.punctuation + COMMON_SIGNS)
            return sign + token if self.chance(0.35) else token + sign
        at = self.between(0, len(token) - 1)
        accents = _ACCENTS.get(token[at], "")
        if not accents or self.chance(0.3):
            accents = ACCENTED[: len(ACCENTED) // 2] if self.chance(0.6) else ACCENTED
        return token[:at] + self.pick(accents) + token[at + 1 :]

    def _curled(self, text: str) -> str:
        return re.sub(r"(?<=\w)'(?=\w)|(?<=s)'(?= )", "’", text) if self.curly else text

    def _pool(self, kind: str) -> str:
        return self.pick(_pools(self.language)[kind])


def word_counts(rng: np.random.Generator, *, passages: int) -> Counter[str]:
    """How often each word is met in so many passages of all kinds, and once more as often the
    words of all languages by their (flattened) frequency, in three cases."""
    counts: Counter[str] = Counter()
    for _ in range(passages):
        text = Corpus(rng)
        makers = [text.told, text.told, text.field_value, text.label, text.heading, text.phrase]
        makers += [text.name, text.company, text.amount, text.date, text.number, text.code]
        for make in makers * 60:
            counts.update(make().split())
    total = 2 * counts.total()
    for language, share in LANGUAGES.items():
        words, flattened, _ = _vocabulary(language)
        for word, part in zip(words, np.diff(flattened, prepend=0), strict=True):
            cases = (word, 0.4), (capitals(word[:1]) + word[1:], 0.3), (capitals(word), 0.3)
            for cased, how_often in cases:
                counts[cased] += total * share * part * how_often  # type: ignore[assignment]
    return counts


def word_frequencies() -> dict[str, float]:
    """What share of all words each word is, in lower case, in running text of all languages."""
    shares: dict[str, float] = {}
    for language, part in LANGUAGES.items():
        for word, share in _frequencies(language).items():
            shares[word] = shares.get(word, 0.0) + part * share
    return shares


def capitals(text: str) -> str:
    """Upper case, but for the micro sign, whose capital is a Greek letter."""
    return "µ".join(part.upper() for part in text.split("µ"))


def roman(number: int) -> str:
    """A number below 400 in Roman numerals.

    >>> roman(48), roman(119)
    ('XLVIII', 'CXIX')
    """
    text = ""
    signs = {100: "C", 90: "XC", 50: "L", 40: "XL", 10: "X", 9: "IX", 5: "V", 4: "IV", 1: "I"}
    for value, sign in signs.items():
        count, number = divmod(number, value)
        text += count * sign
    return text


def _title(text: str) -> str:
    return " ".join(capitals(part[:1]) + part[1:] for part in text.split(" "))


def _plain(text: str) -> str:
    return "".join(char for char in text if char in string.ascii_letters + string.digits)


@lru_cache
def _vocabulary(language: str) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Words, and the running sums of their probabilities, flattened and as they are."""
    frequency = _frequencies(language)
    words = list(frequency)[:_VOCABULARY]
    # Flattened: "the" need not be read a million times, and rare words teach rare spellings.
    true = np.array([frequency[word] for word in words])
    flat = true**0.6
    return words, np.cumsum(flat / flat.sum()), np.cumsum(true / true.sum())


def _frequencies(language: str) -> dict[str, float]:
    """Words within `SIGNS` in lower case, the most frequent first, each with its share."""
    allowed = set(string.ascii_lowercase + ACCENTED + "'’-")
    frequency = get_frequency_dict(language, wordlist="best")
    return {word: share for word, share in frequency.items() if set(word) <= allowed}


@lru_cache
def _pools(language: str) -> dict[str, list[str]]:
    """Names of people, streets, towns and firms, within `SIGNS`."""
    fake = Faker(_LOCALES[language])
    fake.seed_instance(0)
    makers = {
        "first": fake.first_name,
        "last": fake.last_name,
        "street": fake.street_name,
        "town": fake.city,
        "company": fake.company,
    }
    allowed = set(SIGNS + " ")
    pools = {}
    for kind, make in makers.items():
        drawn = [make() for _ in range(_POOL)]
        pools[kind] = [text for text in drawn if set(text) <= allowed]
    return pools
