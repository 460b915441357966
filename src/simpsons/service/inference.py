"""Pictures through the networks, in a few threads, so that the service answers meanwhile.

A network runs in one thread; as many pictures or batches as there are processors are worked on at
once. That serves many clients better than one picture after the other on all processors.

A picture has one piece of work waiting at a time, and a request that detects as many pictures as
there are threads, so that a crowd doesn't keep the threads from others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from simpsons import explain, processors
from simpsons.classifier import UNKNOWN, Classifier, Failure, Prediction
from simpsons.detector import FACES, Detector, FoundFaces
from simpsons.network import find as find_model
from simpsons.pixels import images
from simpsons.pixels.plain_resize import Resize
from simpsons.predictor import by_faces as answer_by_faces
from simpsons.predictor import knows_faces
from simpsons.service import faces
from simpsons.service.decoders import Decoders, InProcesses, InThreads, OfRequest
from simpsons.service.heat import layer
from simpsons.service.uploads import Upload

T = TypeVar("T")
Find = Callable[[int], Awaitable[FoundFaces | str]]

THREADS = 1
"""Of one network: `Classifier(model, threads=THREADS)`, and the same for a `Detector`."""


class Inference:
    """The networks by name, the detector, and the threads that run them.

    names: the network that names faces when a request names none. processes: that decode pictures
    under a deadline; with 0 the threads do, without one.
    """

    def __init__(
        self, classifiers: Mapping[str, Classifier], detector: Detector, processes: int = 0
    ) -> None:
        self.classifiers = dict(classifiers)
        self.detector = detector
        self._has_shipped_detector = detector.path == find_model(FACES, [FACES])
        own = (name for name, network in classifiers.items() if network is detector.names)
        self.names = next(own, next(iter(classifiers)))
        self._threads = processors.count()
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="inference")
        self._decoders: Decoders = InProcesses(processes) if processes else InThreads(self._pool)

    async def predict(
        self,
        uploads: Sequence[Upload],
        networks: Sequence[str],
        top: int,
        heat: bool,
        by_faces: bool,
    ) -> list[dict[str, Any]]:
        """For each network `{"network", "pictures": [...]}`, the pictures in their order.

        A picture is `Prediction.to_json()` with `heat_map`, or `Failure.to_json()`. by_faces: where
        it is unknown as a whole, answer as `simpsons.Predictor` does; the faces are found once for
        all networks.
        """
        decoders = self._decoders.of_request()
        find = self._finder(decoders, uploads) if by_faces else None
        turns = asyncio.Semaphore(self._threads)

        async def original(upload: Upload, resize: Resize) -> images.Original | str:
            async with turns:
                return await decoders.original(upload, resize)

        decoded = {
            resize: await asyncio.gather(*(original(upload, resize) for upload in uploads))
            for resize in {self.classifiers[network].resize for network in networks}
        }
        return [
            {
                "network": network,
                "pictures": await self._pictures(
                    self.classifiers[network],
                    uploads,
                    decoded[self.classifiers[network].resize],
                    top,
                    heat,
                    find,
                ),
            }
            for network in networks
        ]

    async def detect(
        self, uploads: Sequence[Upload], networks: Sequence[str], top: int, crops: bool
    ) -> list[dict[str, Any]]:
        """For each network `{"network", "pictures": [...]}`, the pictures in their order.

        A picture is `{"path", "width", "height", "faces"}`, a face as `faces.answer` has it;
        or it is `Failure.to_json()`.
        """
        decoders = self._decoders.of_request()
        turns = asyncio.Semaphore(self._threads)
        pictures = await asyncio.gather(
            *(self._everyone(decoders, turns, upload, networks, top, crops) for upload in uploads)
        )
        return [
            {"network": network, "pictures": answers}
            for network, answers in zip(networks, zip(*pictures, strict=True), strict=True)
        ]

    def close(self) -> None:
        """Finish what the networks have begun, give up the rest, and end threads and processes."""
        self._decoders.close()
        self._pool.shutdown(cancel_futures=True)

    async def _find(
        self, decoders: OfRequest, turns: asyncio.Semaphore, upload: Upload
    ) -> FoundFaces | str:
        """The faces of a picture, or why it can't be read."""
        async with turns:
            reduced = await decoders.reduced(upload, self.detector.least_kept)
            if isinstance(reduced, str):
                return reduced
            return await self._run(find_faces, self.detector, upload, reduced)

    async def _pictures(
        self,
        classifier: Classifier,
        uploads: Sequence[Upload],
        decoded: Sequence[images.Original | str],
        top: int,
        heat: bool,
        find: Find | None,
    ) -> list[dict[str, Any]]:
        read = [picture.pixels for picture in decoded if not isinstance(picture, str)]
        predictions = iter(await self._run(_classify, classifier, read, top))
        answers = [
            Failure(upload.name, picture)
            if isinstance(picture, str)
            else replace(next(predictions), path=upload.name)
            for upload, picture in zip(uploads, decoded, strict=True)
        ]
        if find and (knows_faces(classifier) or not self._has_shipped_detector):
            answers = await asyncio.gather(
                *(
                    self._by_faces(classifier, partial(find, number), answer, top)
                    for number, answer in enumerate(answers)
                )
            )
        return await asyncio.gather(
            *(
                self._with_heat(classifier, answer, picture, heat)
                for answer, picture in zip(answers, decoded, strict=True)
            )
        )

    async def _with_heat(
        self,
        classifier: Classifier,
        answer: Prediction | Failure,
        picture: images.Original | str,
        heat: bool,
    ) -> dict[str, Any]:
        if isinstance(answer, Failure):
            return answer.to_json()
        heat_map = await self._run(_heat, classifier, picture, answer.label) if heat else None
        return answer.to_json() | {"heat_map": heat_map}

    def _finder(self, decoders: OfRequest, uploads: Sequence[Upload]) -> Find:
        """A function that finds the faces of a picture by its number, each once."""
        turns = asyncio.Semaphore(self._threads)
        found: dict[int, asyncio.Task[FoundFaces | str]] = {}

        async def find(number: int) -> FoundFaces | str:
            if number not in found:
                found[number] = asyncio.create_task(self._find(decoders, turns, uploads[number]))
            return await found[number]

        return find

    async def _by_faces(
        self,
        classifier: Classifier,
        find: Callable[[], Awaitable[FoundFaces | str]],
        answer: Prediction | Failure,
        top: int,
    ) -> Prediction | Failure:
        """The answer, by its faces where the whole is of nobody known."""
        if isinstance(answer, Failure) or answer.verdict != UNKNOWN:
            return answer
        found = await find()
        if isinstance(found, str):  # it needs more memory than the whole, say
            return answer
        named = found.named(await self._named(classifier, found, top))
        return answer_by_faces(answer, filter(self.detector.counts, named))

    async def _named(self, classifier: Classifier, found: FoundFaces, top: int) -> list[Prediction]:
        """Whose the faces of a picture are, some at a time."""
        named: list[Prediction] = []
        for part in faces.parts(found):
            named += await self._run(classifier.predict_faces, part, top)
        return named

    async def _everyone(
        self,
        decoders: OfRequest,
        turns: asyncio.Semaphore,
        upload: Upload,
        networks: Sequence[str],
        top: int,
        crops: bool,
    ) -> list[dict[str, Any]]:
        """One picture, for each network."""
        found = await self._find(decoders, turns, upload)
        if isinstance(found, str):
            return [Failure(upload.name, found).to_json() for _ in networks]
        async with turns:
            shown = await self._run(faces.pictures, found) if crops else None
            answers = []
            for network in networks:
                named = await self._named(self.classifiers[network], found, top)
                answers.append(
                    {"path": upload.name} | faces.answer(self.detector, found, named, shown)
                )
            return answers

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(function, *arguments))


def find_faces(detector: Detector, upload: Upload, reduced: images.Reduced) -> FoundFaces | str:
    """The faces of an upload that is decoded, or why they can't be found."""
    try:
        with images.blaming(upload.name):
            return detector.find(reduced)
    except images.ImageError as error:
        return str(error)


def _classify(
    classifier: Classifier, pixels: Sequence[images.Pixels], top: int
) -> list[Prediction]:
    return classifier.predict_pixels(np.stack(pixels), top) if pixels else []


def _heat(classifier: Classifier, picture: images.Original, label: str) -> str:
    return layer(explain.heat_map(classifier, picture.pixels, label), picture.content)
