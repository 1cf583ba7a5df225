"""Asks a camera for a keyframe of one stream, by ONVIF's SetSynchronizationPoint."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from edge.onvif.addresses import is_same_stream, login_of, parts_of, place
from edge.onvif.faults import NoAnswer, OnvifFault, Refusal
from edge.onvif.media import MediaService, Profile, media_services, profiles_of
from edge.onvif.soap import Caller

ASK_WITHIN_S = 3.0


@dataclass(frozen=True, slots=True)
class _Learnt:
    service: MediaService
    token: str


class KeyframeAsker:
    """Asks for keyframes of the stream that is ``stream_url``, with the login that this URL holds.

    onvif_url: Where the camera's device service is, ``http://192.0.2.7/onvif/device_service``.
    Which profile the stream is it finds out at the first question; a question that fails makes it look anew.
    One thread at a time may ask.
    """

    def __init__(self, *, onvif_url: str, stream_url: str, within_s: float = ASK_WITHIN_S) -> None:
        self._address = onvif_url
        self._stream_url = stream_url
        self._within_s = within_s
        self._learnt: _Learnt | None = None
        self._profiles: tuple[MediaService, list[Profile]] | None = None
        self._not_it: set[str] = set()

    def ask(self) -> None:
        """Blocks for ``within_s`` at most, and returns when the camera has agreed; the keyframe comes in the stream.

        Raises: OnvifFault: It cannot be asked, without credentials in the text.
        """
        asyncio.run(self._ask())

    async def _ask(self) -> None:
        parts_of(self._address, schemes=("http", "https"))
        try:
            async with (
                asyncio.timeout(self._within_s),
                Caller(self._address, login_of(self._stream_url)) as caller,
            ):
                await self._ask_by(caller)
        except TimeoutError:
            raise NoAnswer(f"{place(self._address)}: no answer within {self._within_s:g} s") from None

    async def _ask_by(self, caller: Caller) -> None:
        await caller.learn_clock()
        try:
            if self._learnt is None:
                self._learnt = await self._find(caller)
            await self._learnt.service.ask_keyframe(caller, self._learnt.token)
        except OnvifFault:
            self._learnt = self._profiles = None
            self._not_it.clear()
            raise

    async def _find(self, caller: Caller) -> _Learnt:
        """What was learnt stays when time runs out: a slow camera with many profiles is found out bit by bit."""
        if self._profiles is None:
            services, _ = await media_services(caller)
            self._profiles = await profiles_of(caller, services)
        service, profiles = self._profiles
        if len(profiles) == 1:
            return _Learnt(service, profiles[0].token)
        for profile in profiles:
            if profile.token in self._not_it:
                continue
            if is_same_stream(await service.stream_uri(caller, profile.token), self._stream_url):
                return _Learnt(service, profile.token)
            self._not_it.add(profile.token)
        raise Refusal(f"{place(self._address)}: none of its {len(profiles)} profiles has the stream that is read here")
