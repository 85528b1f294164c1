"""Files that pages load: our own, and Plotly as it is installed; each at an address that names its content.

Guarantees
----------
* What an address gives never changes, so a browser asks once; another content has another address.
* Every file is compressed once, when it is first asked for.
* Nothing outside the folder is ever given, and no other host is asked for anything.
"""

import functools
import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
PLOTLY = "plotly.js"
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One file."""

    name: str
    data: bytes

    @cached_property
    def hash(self) -> str:
        """Names the content."""
        return hashlib.sha256(self.data).hexdigest()[:16]

    @cached_property
    def compressed(self) -> bytes:
        """The same, compressed; equal content gives equal bytes."""
        return gzip.compress(self.data, mtime=0)

    @property
    def type(self) -> str:
        """Its media type."""
        kind = mimetypes.types_map.get(Path(self.name).suffix, "application/octet-stream")
        return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


@functools.cache
def read_assets() -> dict[str, Asset]:
    """Every file, by its name."""
    own = {path.name: path for path in sorted(FOLDER.iterdir()) if path.is_file()}
    return {name: Asset(name, path.read_bytes()) for name, path in {**own, PLOTLY: _plotly()}.items()}


def _plotly() -> Path:
    """Plotly's script in the installed package, without loading the package."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("plotly is not installed")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
