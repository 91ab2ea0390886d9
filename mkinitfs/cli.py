"""The commands: options in, one call each, results out. What they do lies in build.py and below it.

Each imports what it needs when it runs: `--help` and `list` load no reader of ELF files.
"""

import gc
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from mkinitfs import __version__, console

_PATH = click.Path(path_type=Path, readable=False)  # an unreadable file is an error where it is read
_ALGORITHMS = ("zstd", "xz", "gzip", "lz4", "none")  # compress.LEVELS, without its imports


@click.group(no_args_is_help=False, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mkinitfs")
def cli() -> None:
    """Build initramfs images for machines whose root lies on a server, and look into any initramfs."""


def _request(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what an image is to hold."""
    for option in reversed(
        (
            click.option("--profile", default="cifs-loop", show_default=True, help="A profile's name or file."),
            click.option(
                "--sysroot", type=_PATH, default=Path("/"), show_default=True, help="The system to take from."
            ),
            click.option("--kernel-dir", type=_PATH, help="Folder with lib/modules, where it is not the sysroot."),
            click.option("--kernel-version", help="Which of its kernels: the running one, else the only one."),
            click.option(
                "--hardware", metavar="generic|host|LIST", help="Network drivers: all, this machine's, or by name."
            ),
            click.option("--module", "modules", multiple=True, metavar="NAME", help="One more kernel module."),
            click.option("--add", multiple=True, metavar="SRC[:DEST]", help="One more file, folder or program."),
            click.option("--credentials", type=_PATH, metavar="FILE", help="User and password, mount.cifs(8) syntax."),
        )
    ):
        command = option(command)
    return command


_json = click.option("--json", "as_json", is_flag=True, help="For scripts.")


def _loudness(context: click.Context, option: click.Parameter, value: bool) -> None:
    context.meta[f"mkinitfs.{option.name}"] = value


def _telling(command: Callable[..., Any]) -> Callable[..., Any]:
    """How much to say beside the result: options that the command itself knows nothing of."""
    for words, text in (
        (("--quiet", "-q"), "Say nothing but errors."),
        (("--verbose", "-v"), "Name missing firmware."),
    ):
        command = click.option(*words, is_flag=True, expose_value=False, callback=_loudness, help=text)(command)
    return command


def _quiet() -> bool:
    return bool(click.get_current_context().meta["mkinitfs.quiet"])


def _tell(warnings: Iterable[str], details: Iterable[str]) -> None:
    if _quiet():
        return
    for text in warnings:
        console.warn(text)
    for text in details if click.get_current_context().meta["mkinitfs.verbose"] else ():
        console.note(text)


@cli.command()
@_request
@click.option("--output", "-o", type=_PATH, help="The image.  [default: ./initramfs-VERSION.img]")
@click.option("--compression", type=click.Choice(_ALGORITHMS), help="[default: zstd, where the kernel has it]")
@click.option("--level", type=int, help="How hard to compress.  [default: 9 for zstd and lz4, 6 for xz and gzip]")
@click.option("--threads", type=click.IntRange(min=1), help="How many cores to use.  [default: all]")
@click.option("--dry-run", is_flag=True, help="Plan and check only.")
@_telling
@_json
def build(
    output: Path | None,
    compression: str | None,
    level: int | None,
    threads: int | None,
    dry_run: bool,
    as_json: bool,
    **request: Any,
) -> None:
    """Build an image."""
    from mkinitfs import build as work
    from mkinitfs import report
    from mkinitfs.archive.image import check_target

    packing = work.Packing(compression or "zstd", level, threads, asked=compression is not None).checked()
    mtime = work.timestamp(os.environ)
    if output is not None and not dry_run:
        check_target(output)
    prepared = work.prepare(work.Request(**request))
    path = output or prepared.default_output
    if not dry_run:
        check_target(path)
    packing, exchanged = packing.for_kernel(prepared.host.kernel)
    private = [f"for its owner alone: not everybody may read /{file}"] if (file := prepared.owners) else []
    _tell((*prepared.plan.warnings, *([exchanged] if exchanged else ())), (*prepared.plan.details, *private))
    built = None
    if not dry_run:
        with console.progress(path.name, report.archive_size(prepared.plan.manifest), _quiet()) as progress:
            built = work.write(prepared, path, packing, mtime, progress)
    if as_json:
        console.out_json(report.summary_values(prepared, path, packing, built))
    elif not _quiet():
        console.out(report.summary(prepared, path, packing, built))


@cli.command()
@_request
@_telling
@_json
def plan(as_json: bool, **request: Any) -> None:
    """Show what an image would hold, and why."""
    from mkinitfs import build as work
    from mkinitfs import report

    prepared = work.prepare(work.Request(**request))
    _tell(prepared.plan.warnings, prepared.plan.details)
    if as_json:
        console.out_json(report.plan_values(prepared))
        return
    for line in report.plan_lines(prepared.plan.manifest):
        console.out(line)


@cli.command()
@click.argument("path")
@_request
def why(path: str, **request: Any) -> None:
    """Show why PATH would be in an image."""
    from mkinitfs import build as work
    from mkinitfs import report

    prepared = work.prepare(work.Request(**request))
    for line in report.why(prepared.plan.manifest, path):
        console.out(line)


@cli.command(name="list")
@click.argument("image", type=_PATH)
@click.option("--long", "-l", is_flag=True, help="With mode, owner, size and segment.")
@_json
def list_(image: Path, long: bool, as_json: bool) -> None:
    """List the members of IMAGE, any initramfs that the kernel would accept."""
    from mkinitfs import inspection

    if as_json:
        console.out_json(list(inspection.values(image)))
        return
    for line in inspection.lines(image, long=long):
        console.out(line)


@cli.command()
@click.argument("image", type=_PATH)
@click.argument("paths", nargs=-1, required=True)
def cat(image: Path, paths: tuple[str, ...]) -> None:
    """Write the content of files in IMAGE to standard output."""
    from mkinitfs.archive.image import read_file

    for path in paths:
        console.out_bytes(read_file(image, path))


@cli.command()
@click.argument("image", type=_PATH)
@click.argument("paths", nargs=-1)
@click.option("--directory", "-C", type=_PATH, help="Where to.  [default: the image's name with .d]")
def extract(image: Path, paths: tuple[str, ...], directory: Path | None) -> None:
    """Unpack IMAGE, or only PATHS of it, into a folder and never outside of it."""
    from mkinitfs import inspection

    folder = directory or Path(f"{image.name}.d")
    for text in inspection.unpack(image, folder, paths):
        console.warn(text)
    console.out(str(folder))


@cli.command()
@click.argument("name", required=False)
@_json
def profiles(name: str | None, as_json: bool) -> None:
    """List the profiles, or show NAME with all that it extends."""
    from mkinitfs import build as work
    from mkinitfs import profile, report

    folders = work.profile_folders()
    if name is None:
        known = (name for name, _ in profile.available(folders))
        values: dict[str, Any] = {name: profile.load(name, folders).description for name in known}
        lines = report.columns(values.items())
    else:
        values = report.profile_values(profile.load(name, folders))
        lines = report.toml(values)
    if as_json:
        console.out_json(values)
        return
    for line in lines:
        console.out(line)


def main() -> None:
    """The program."""
    # It ends before any garbage matters, and a third of a plan's time would go into looking for it.
    gc.disable()
    console.run(cli)


if __name__ == "__main__":
    main()
