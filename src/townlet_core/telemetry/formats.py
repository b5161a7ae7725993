"""The versions of telemetry that are read: which keys each has, and of what kind. All of it comes from the models.

Logs of the predecessor write whole numbers as 1.0; everything else is as strict as what we write. A reader goes from
bytes to values at once, and asks what is wrong only where something is; faster still by a decoder made of the same
schemas, which knows only the keys of records as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import (
    CoreConfig,
    CoreSchema,
    ErrorDetails,
    SchemaValidator,
    ValidationError,
    core_schema,
)

from townlet_core.schema import StrictModel
from townlet_core.telemetry.record import IN_A_FAMILY, KEYS, VERSION, Count, EpochRecord, Number, Share, Size

Decode = Callable[[bytes], dict[str, Any] | None]  # of a line; None: it is refused

VERSIONS: Final = (1.0, VERSION, 1.2)
MOST_WHOLE: Final = 2**64  # a whole number; seeds are the largest
MIGRATED_FROM: Final = "migrated_from"
OTHER: Final = core_schema.nullable_schema(core_schema.float_schema())  # value of a key that is in no list
ANNEAL: Final = "anneal_"  # keys of the predecessor's annealed runs: numbers, words, true or false


class LaterKeys(StrictModel):
    """Keys that we do not write: those that the predecessor's version 1.2 added, and the mark of a migrated record."""

    adv_zero_std_batches: Count | None = Field(None, description="minibatches whose advantages were all the same")
    adv_min_std: Size | None = Field(None, description="least standard deviation of the advantages of a minibatch")
    clip_triggered_minibatches: Count | None = Field(None, description="minibatches in which a ratio was clipped")
    clip_fraction_max: Share | None = Field(None, description="largest share of clipped ratios in a minibatch")
    queue_conflict_events: Count | None = Field(None, description="conflicts in queues")
    queue_conflict_intensity_sum: Number = Field(None, description="how strong these were, in all")
    shared_meal_events: Count | None = Field(None, description="meals that were shared")
    late_help_events: Count | None = Field(None, description="times that somebody who was late was helped")
    shift_takeover_events: Count | None = Field(None, description="shifts that another took over")
    chat_success_events: Count | None = Field(None, description="chats that succeeded")
    chat_failure_events: Count | None = Field(None, description="chats that failed")
    chat_quality_mean: Number = Field(None, description="how good the chats were: mean")
    migrated_from: Annotated[float, Field(ge=1, le=1)] | None = Field(
        None, description="version that `townlet telemetry migrate` made this of; what that did not say is null"
    )


LATER: Final = tuple(LaterKeys.model_fields)
BASE: Final = KEYS[: KEYS.index("epoch_duration_sec")]  # of version 1.0
SINCE_1_1: Final = KEYS[len(BASE) : KEYS.index("conflict.rivalry_max_mean_avg")]
KNOWN: Final = frozenset((*KEYS, *LATER))


def is_known(key: str) -> bool:
    """Say whether a key is in the lists, or of a family."""
    return key in KNOWN or key.startswith(ANNEAL) or IN_A_FAMILY.fullmatch(key) is not None


class Format:
    """A version of telemetry, or that of records which were migrated to it: what is in a record and how to read it.

    Args:
        floats: whole numbers are written as 1.0. It makes no difference to what is right, only to what is read fast.
    """

    def __init__(self, version: float, *, migrated: bool, floats: bool) -> None:
        self.version, self._migrated, self._floats = version, migrated, floats
        self._lenient = self._validator(floats=True)  # 1 will do for 1.0
        self.read = (self._lenient if floats else self._validator(floats=False)).validate_json  # of a line

    def decoder_of(self, keys: Collection[str]) -> Decode:
        """Give what reads a line as `read` does, if it has no other keys than these, and refuses all others."""
        from townlet_core.telemetry.decoder import decoder  # brings a library that short logs need not wait for

        fields = self._fields(floats=self._floats)
        some = {key: field for key, field in fields.items() if key in keys or field["required"]}
        others = {key: core_schema.typed_dict_field(OTHER, required=False) for key in keys if key not in fields}
        return decoder(some | others)

    def errors(self, record: dict[str, Any]) -> list[ErrorDetails]:
        """Give all that is wrong with the values of a record. A key that nobody knows may have a word as its value."""
        try:
            self._lenient.validate_python(record)
        except ValidationError as error:
            return [each for each in error.errors(include_url=False) if not _is_a_word(each)]
        return []

    def _validator(self, *, floats: bool) -> SchemaValidator:
        config = CoreConfig(strict=True, allow_inf_nan=False)
        fields = self._fields(floats=floats)
        return SchemaValidator(
            core_schema.typed_dict_schema(fields, extra_behavior="allow", extras_schema=OTHER, config=config)
        )

    def _fields(self, *, floats: bool) -> dict[str, core_schema.TypedDictField]:
        fields = {key: self._field(key, info, floats=floats) for key, info in _fields().items()}
        version = core_schema.float_schema(ge=self.version, le=self.version)
        return {**fields, "telemetry_version": core_schema.typed_dict_field(version, required=True)}

    def _field(self, key: str, info: FieldInfo, *, floats: bool) -> core_schema.TypedDictField:
        schema = _with_whole_numbers(_schema(info), floats=floats)
        if self._migrated and key not in BASE:
            schema = core_schema.nullable_schema(schema)
        required = info.is_required() and (self.version >= VERSION or key in BASE)
        return core_schema.typed_dict_field(schema, required=required)


def format_of(record: dict[str, Any]) -> Format | None:
    """Give the format that a record says it has; None if that is not known."""
    version = record.get("telemetry_version")
    if type(version) not in (float, int) or version not in VERSIONS:
        return None
    migrated = version == VERSION and record.get(MIGRATED_FROM) is not None
    return _format(float(version), migrated, type(record.get("epoch")) is float)


def latest() -> Format:
    """Give the format that we write."""
    return _format(VERSION, False, False)


@cache
def _format(version: float, migrated: bool, floats: bool) -> Format:
    return Format(version, migrated=migrated, floats=floats)


def _fields() -> dict[str, FieldInfo]:
    own = {info.alias or name: info for name, info in EpochRecord.model_fields.items()}
    return {**own, **LaterKeys.model_fields}


@cache
def _schema_of(annotation: Any) -> CoreSchema:
    return TypeAdapter(annotation).core_schema


def _schema(info: FieldInfo) -> CoreSchema:
    annotated: Any = Annotated
    return _schema_of(annotated[info.annotation, info.description, *info.metadata])


def _with_whole_numbers(schema: Any, *, floats: bool) -> CoreSchema:
    """Bound the whole numbers in a schema; have 1.0 be one as well where they are written as floats."""
    if schema["type"] == "int":
        bounds = {"le": MOST_WHOLE, **{name: schema[name] for name in ("ge", "le") if name in schema}}
        if not floats:
            return core_schema.int_schema(**bounds)
        return core_schema.float_schema(multiple_of=1, **bounds)
    if "schema" in schema:
        return {**schema, "schema": _with_whole_numbers(schema["schema"], floats=floats)}
    return schema  # type: ignore[no-any-return]  # schemas are typed as dictionaries of many shapes


def _is_a_word(error: ErrorDetails) -> bool:
    """Say whether an error is about text, or true or false, where a key that we do not know may have it."""
    key = str(error["loc"][0]) if error["loc"] else ""
    is_ours = key in KNOWN or IN_A_FAMILY.fullmatch(key) is not None
    return not is_ours and error["type"] == "float_type" and isinstance(error["input"], str | bool)
