"""Follows every link, picture, style sheet and script of a built site: check_links.py FOLDER

mkdocs checks the links of its own pages. This one also sees what is made by other programs (Doxygen), and that nothing is
fetched from the network: a site has to open from its folder, without one.
"""

import html.parser
import pathlib
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, file):
        super().__init__(convert_charrefs=True)
        self.links, self.fetched, self.anchors = [], [], set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors.update(value for key, value in attributes if key in ("id", "name") and value)
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        elif tag in ("img", "script", "iframe", "source") and values.get("src"):
            self.fetched.append(values["src"])
        elif tag == "link" and values.get("href") and values.get("rel") not in ("canonical", "prev", "next"):
            self.fetched.append(values["href"])


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    pages = {file: Page(file) for file in folder.rglob("*.html")}
    broken = []
    for file, page in pages.items():
        for link in page.links + page.fetched:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.fetched and parts.scheme not in ("data", "javascript"):
                    broken.append(f"{file}: {link} comes from the network")
                continue
            target = (file.parent / urllib.parse.unquote(parts.path)).resolve() if parts.path else file
            if target.is_dir():
                target /= "index.html"
            if not target.exists():
                broken.append(f"{file}: {link} leads nowhere")
            elif parts.fragment == "nested-classes":
                continue  # Doxygen 1.9.4 makes this link where private classes are left out
            elif parts.fragment and target in pages and urllib.parse.unquote(parts.fragment) not in pages[target].anchors | {"top", "__skip"}:
                broken.append(f"{file}: {link}: the page has no such anchor")
    if len(pages) < 20:
        broken.append(f"{folder}: {len(pages)} pages; expected a whole site")
    print("\n".join(broken), end="\n" if broken else "")
    sys.exit(bool(broken))


main()
