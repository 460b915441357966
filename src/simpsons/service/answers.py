"""What the service answers, for the code and for the OpenAPI description."""

from typing import Annotated

from pydantic import BaseModel, Field


class Ranked(BaseModel):
    """One of the characters."""

    label: str = Field(description="As the data set names it.", examples=["homer_simpson"])
    probability: float = Field(description="0 to 1.")


class PictureAnswer(BaseModel):
    """Who is in a picture: the fields of `simpsons predict --json`, and the heat map.

    Of a picture of several they are of its surest face; `/detect` tells of all.
    """

    path: str | None = Field(description="The file name that came with the picture.")
    label: str = Field(description="The most probable character.")
    probability: float = Field(description="Of `label`, 0 to 1.")
    verdict: str = Field(description="`label`, or `unknown` when it is none of the characters.")
    familiarity: float | None = Field(
        description="How alike the picture is to those learnt from; null if the network can't say."
    )
    top: list[Ranked] = Field(description="The most probable characters, in order.")
    heat_map: str | None = Field(
        description="With `explain`: a PNG as a data URI, to lay over the whole picture. The "
        "stronger its colour, the more the place counted for `label`."
    )


Edges = Annotated[list[float], Field(min_length=4, max_length=4)]
"""x1, y1, x2, y2, x to the right and y down."""


class FaceAnswer(BaseModel):
    """Whose a face is: the fields of `simpsons detect --json`, and its square."""

    box: Edges = Field(
        description="x1, y1, x2, y2 in pixels of the picture as people see it.",
        examples=[[120.5, 40.0, 188.0, 131.5]],
    )
    score: float = Field(description="How sure it is that this is a face, 0 to 1.")
    label: str = Field(description="The most probable character.")
    probability: float = Field(description="Of `label`, 0 to 1.")
    verdict: str = Field(description="`label`, or `unknown` for a stranger's face.")
    top: list[Ranked] = Field(description="The most probable characters, in order.")
    square: Edges = Field(
        description="What the network sees of it, the face and a margin, as `box` has it."
    )
    crop: str | None = Field(
        description="With `crops`: that square as the network sees it, a PNG of 64x64 pixels as a "
        "data URI. Sent to /predict with `faces=false` it gets the same answer, and with "
        "`explain` where it looked."
    )


class FacesAnswer(BaseModel):
    """Everyone in a picture."""

    path: str | None = Field(description="The file name that came with the picture.")
    width: int = Field(description="Pixels of the picture as people see it, EXIF applied.")
    height: int
    faces: list[FaceAnswer] = Field(description="The surest first; empty if there is no face.")


class PictureError(BaseModel):
    """A picture that could not be read; those beside it were."""

    path: str | None = Field(description="The file name that came with the picture.")
    error: str = Field(description="What is wrong, and what to do.")


class NetworkAnswer(BaseModel):
    """What one network says of the pictures, in the order they were sent."""

    network: str = Field(examples=["xception"])
    pictures: list[PictureAnswer | PictureError]


class Answer(BaseModel):
    """What each network that was asked says."""

    results: list[NetworkAnswer]


class NetworkFaces(BaseModel):
    """Whom one network sees in the pictures, in the order they were sent."""

    network: str = Field(examples=["cnn"])
    pictures: list[FacesAnswer | PictureError]


class Everyone(BaseModel):
    """Whom each network that was asked sees."""

    results: list[NetworkFaces]


class Label(BaseModel):
    """A character that a network knows."""

    label: str = Field(examples=["charles_montgomery_burns"])
    name: str = Field(description="As people say it.", examples=["Mr. Burns"])


class Network(BaseModel):
    """A network that can be asked."""

    name: str = Field(examples=["xception"])
    labels: list[Label]


class Service(BaseModel):
    """What can be asked here, and how much at once."""

    version: str
    networks: list[Network] = Field(
        description="/predict asks the first when a request names none."
    )
    names: str = Field(description="Whom /detect asks then.", examples=["cnn"])
    file_bytes: int = Field(description="Largest picture.")
    request_bytes: int = Field(description="Largest request.")
    pictures: int = Field(description="Most pictures in a request.")
    examples: list[str] = Field(description="What is on /examples/0.jpg and those after it.")
    examples_by: str | None = Field(
        description="The network that knows who is on them; null if there is none.",
        examples=["dolls"],
    )


class Health(BaseModel):
    """That the service answers."""

    status: str = Field(examples=["ok"])
