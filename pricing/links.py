"""What is linked, directly or through others."""

from collections.abc import Iterable, Sequence


def roots(names: Sequence[str], links: Iterable[Sequence[str]]) -> dict[str, str]:
    """Name -> representative of all it is linked with (disjoint sets with path halving)."""
    label = {name: name for name in names}

    def root(name: str) -> str:
        while label[name] != name:
            label[name] = label[label[name]]
            name = label[name]
        return name

    for link in links:
        for name in link[1:]:
            label[root(name)] = root(link[0])
    return {name: root(name) for name in names}
