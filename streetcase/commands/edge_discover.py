"""``streetcase edge discover``: which ONVIF cameras are there, what they send, and how an edge's file names them."""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from streetcase.told import UserError, print_json, told

if TYPE_CHECKING:
    from edge.onvif.addresses import Login
    from edge.onvif.description import Description
    from edge.onvif.probe import Found


def discover(
    *,
    seconds: Annotated[float, typer.Option(min=0.2, max=60, help="Listen for answers so long.")] = 4.0,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Ask this camera only, HOST, HOST:PORT or the URL of its device service; may be repeated."),
    ] = None,
    interface: Annotated[
        list[str] | None,
        typer.Option(help="Ask from here only: a name such as eth0, or an own IPv4 address; may be repeated."),
    ] = None,
    probe: Annotated[
        str, typer.Option(help="Where the question goes, IPv4 address and port: WS-Discovery's group, or one host.")
    ] = "239.255.255.250:3702",
    user: Annotated[
        str | None, typer.Option(help="The cameras' user. Left out: from the environment, CAMERA_USER.")
    ] = None,
    password_env: Annotated[
        str, typer.Option(help="The environment variable with their password; if it is not set, it is asked for.")
    ] = "CAMERA_PASSWORD",  # noqa: S107 - a name
    camera_seconds: Annotated[float, typer.Option(min=1, max=120, help="The longest time for one camera.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print `cameras:` for an edge's file.")] = False,
) -> None:
    """Find the ONVIF cameras of the local networks, and what they send.

    Whoever answers is asked with a digest of the password, from which a weak one can be guessed: where you trust not
    all devices of the network, name the cameras with --host. Ends with 1 where no camera told of its streams.
    """
    with told():
        from edge.onvif.description import describe, device_at
        from edge.onvif.faults import OnvifFault
        from edge.onvif.probe import ProbeFailed

        if as_json and as_yaml:
            raise UserError("--json or --yaml, not both")
        with told(OnvifFault, ProbeFailed):
            login = _login(user, password_env)
            devices = [device_at(each) for each in host] if host else _probed(seconds, interface or [], probe)
            cameras = describe(devices, login, within_s=camera_seconds)
        _show(cameras, as_json=as_json, as_yaml=as_yaml, with_login=login is not None)
        raise typer.Exit(0 if any(camera.streams for camera in cameras) else 1)


def _login(user: str | None, password_env: str) -> Login | None:
    from edge.onvif.addresses import Login

    name = user or os.environ.get("CAMERA_USER")
    if not name:
        return None
    password = os.environ.get(password_env)
    if password is None:
        if not sys.stdin.isatty():
            raise UserError(f"a user and no password: set the environment variable {password_env}")
        password = typer.prompt(f"password of {name}", hide_input=True, err=True)
    return Login(name, password)


def _probed(seconds: float, interfaces: list[str], to: str) -> list[Found]:
    from edge.onvif.probe import probe

    address, _, port = to.rpartition(":")
    if not _is_ipv4(address) or not port.isdigit() or not 0 < int(port) < 65536:
        raise UserError(f"--probe needs an IPv4 address and a port, like 239.255.255.250:3702, got {to!r}")
    answers = probe(seconds=seconds, interfaces=interfaces, to=(address, int(port)))
    for note in answers.notes:
        typer.secho(note, err=True, fg=typer.colors.YELLOW)
    if not answers.found:
        typer.echo(
            f"no camera answered within {seconds:g} s. "
            "Is ONVIF switched on in the cameras, and are they in this network?"
            " Questions do not pass routers: ask such a camera with --host, and choose the network with --interface.",
            err=True,
        )
    return answers.found


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _show(cameras: list[Description], *, as_json: bool, as_yaml: bool, with_login: bool) -> None:
    from rich.console import Console

    from edge.onvif import listing

    if as_json:
        print_json(listing.as_json(cameras))
    elif as_yaml:
        for camera in cameras:
            for line in [*camera.notes, *([camera.fault] if camera.fault else [])]:
                typer.secho(listing.with_place(camera, line), err=True, fg=typer.colors.YELLOW)
        typer.echo(listing.as_yaml(cameras, with_login=with_login), nl=False)
    elif cameras:
        listing.print_cameras(Console(), cameras)
