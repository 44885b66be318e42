"""The settings: one frozen object, read once at start from files and the environment.

A wrong setting stops the start with one sentence that names it. `config/default.toml` is
the manual: every setting with its meaning and a safe value. Nothing below `services` sees
this object; rooms get values.
"""

import os
import tomllib
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from provisioner.errors import Misconfigured, Text
from provisioner.secret import Secret

ROOT = Path(__file__).resolve().parent.parent
"""The top of the tree: relative paths in the settings start here."""

DEFAULT = ROOT / "config" / "default.toml"


def _secret(value: SecretStr) -> Secret:
    return Secret(value.get_secret_value())


def _from_root(path: Path) -> Path:
    return path if path.is_absolute() else ROOT / path


Location = Annotated[Path, AfterValidator(_from_root)]


PlainAddress = Annotated[str, Field(pattern=r"^[a-z0-9._+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$")]
"""An address without signs that mean something to a mail server's configuration."""


class Section(BaseModel):
    """A section refuses settings it does not know: a misspelt name must not be ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(Section):
    url: str


class RedisSettings(Section):
    url: str = Field(pattern=r"^(rediss?|unix)://.+")


class DirectorySettings(Section):
    url: str = Field(pattern=r"^(ldaps|ldapi|ldap)://.*")
    suffix: str = Field(pattern=r"^dc=[a-z0-9-]+(,dc=[a-z0-9-]+)*$")
    bind_dn: str
    bind_password: SecretStr | None = None
    config_dn: str
    config_password: SecretStr | None = None
    config_database: str
    tls_ca_file: str
    timeout: float = Field(gt=0)
    chunk: int = Field(ge=1, le=5000)


class AuthoritySettings(Section):
    folder: Location
    passphrase: SecretStr | None = None
    store: str = Field(pattern=r"^(file|pkcs11)$")
    module: str
    token: str
    pin: SecretStr | None = None
    pin_file: str
    owner: str = Field(min_length=1, max_length=64)
    province: str
    generation: str
    domains: tuple[str, ...] = Field(min_length=1)
    base_url: str = Field(pattern=r"^http://[^/]+(/.*)?$")
    probe_url: str = Field(pattern=r"^(https?://[^/]+(/.*)?)?$")
    organization_identifier: str = Field(pattern=r"^GOVVN(\+[A-Z0-9]{1,3})?$")
    state: str
    profiles: Location
    chunk: int = Field(ge=1, le=5000)
    journal: str
    single_revocations_per_hour: int = Field(ge=1)
    planned_revocations_per_hour: int = Field(ge=1)
    renew_before_days: int = Field(ge=1, le=365)


class SignaturesSettings(Section):
    timestamps: str = Field(pattern=r"^(https?://.+)?$")
    timestamps_ca_file: str


class IdentitySettings(Section):
    keys: SecretStr | None = None


class NamingSettings(Section):
    policy: Location


class QuotaSettings(Section):
    personal: str
    unit: str


class ReferenceSettings(Section):
    folder: Location


class CoverageSettings(Section):
    used_within_days: int = Field(ge=1, le=3_650)


class MailSettings(Section):
    hostname: str = Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$")
    postmaster: str
    postmasters: tuple[PlainAddress, ...]
    relays: tuple[IPv4Network | IPv6Network, ...]
    own_senders_sign_in: bool
    imap: str = Field(pattern=r"^(imaps://[^/\s]+)?$")
    lmtp: str = Field(pattern=r"^(lmtp://\S+)?$")
    smtp: str = Field(pattern=r"^(smtp://[^/\s]+)?$")
    sign_ins_from: str
    sizes_from: str
    directory_url: str
    bind_password: SecretStr | None = None
    storage: Path
    account: str = Field(pattern=r"^[a-z_][a-z0-9_-]*$")
    certificate: Path
    key: Path
    message_size: str


class TimerSettings(Section):
    idle_days: int = Field(ge=0, le=36_500)
    notice_days: int = Field(ge=1, le=60)
    idle_deleted_after: int = Field(ge=0, le=36_500)
    left_deleted_after: int = Field(ge=0, le=36_500)
    disabled_deleted_after: int = Field(ge=0, le=36_500)
    most_share: float = Field(ge=0, le=1)
    most_few: int = Field(ge=0)


class DeadlineSettings(Section):
    request: int = Field(ge=1, le=60)
    renewal_days_left: int = Field(ge=0, le=365)
    settle_change: int = Field(ge=1, le=60)
    settle_renewal: int = Field(ge=1, le=60)
    settle_recovery: int = Field(ge=1, le=60)
    return_device: int = Field(ge=1, le=60)
    revocation_proposal: int = Field(ge=1, le=365)


class ActivationSettings(Section):
    bind_password: SecretStr | None = None
    page: str = Field(pattern=r"^https?://[^#?]+$")
    code_days: int = Field(ge=1, le=365)
    passwords: Location


class NoticesSettings(Section):
    server: str = Field(pattern=r"^((smtp|submission|smtps)://[^/]+)?$")
    account: str
    password: SecretStr | None = None
    tls_ca_file: str
    sender: str = Field(pattern=r"^[^@\s]+@[a-z0-9-]+(\.[a-z0-9-]+)+$")
    sender_name: str
    site: str = Field(pattern=r"^https?://[^#?]+$")

    @property
    def own_page(self) -> str:
        """Where owners of mailboxes come in; the site's first page is the operators'."""
        return f"{self.site.rstrip('/')}/toi"


class OidcSettings(Section):
    issuer: str = Field(pattern=r"^((https://[^/@\s]+|http://(localhost|127\.0\.0\.1)(:\d+)?)(/\S*)?)?$")
    client_id: str
    client_secret: SecretStr | None = None
    callback: str
    claim: Literal["sub", "email"]
    scope: str = Field(pattern=r"^openid( [a-z_]+)*$")
    second_factors: tuple[str, ...]
    tls_ca_file: str
    timeout: float = Field(gt=0)


class WebSettings(Section):
    host: str
    port: int = Field(ge=1, le=65535)
    trusted_proxies: int = Field(ge=0, le=9)


class Settings(BaseSettings):
    """Everything an operator can set. Made by `load`, which turns what is wrong into one sentence."""

    model_config = SettingsConfigDict(
        env_prefix="PROVISIONER_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    database: DatabaseSettings
    redis: RedisSettings
    directory: DirectorySettings
    authority: AuthoritySettings
    signatures: SignaturesSettings
    identity: IdentitySettings
    naming: NamingSettings
    quotas: QuotaSettings
    reference: ReferenceSettings
    coverage: CoverageSettings
    mail: MailSettings
    timers: TimerSettings
    deadlines: DeadlineSettings
    activation: ActivationSettings
    notices: NoticesSettings
    oidc: OidcSettings
    web: WebSettings

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings' signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        own = os.environ.get("PROVISIONER_CONFIG")
        files = [TomlConfigSettingsSource(settings_cls, Path(own))] if own else []
        return (init_settings, env_settings, *files, TomlConfigSettingsSource(settings_cls, DEFAULT))

    @classmethod
    def load(cls, **values: Any) -> Self:
        """Read the settings. Raises `Misconfigured` with one sentence naming the setting."""
        own = os.environ.get("PROVISIONER_CONFIG")
        if own and not Path(own).is_file():
            raise _wrong("PROVISIONER_CONFIG", f"the file {own} does not exist", f"không có tệp {own}")
        for variable in os.environ:
            section, nested, _ = variable.removeprefix("PROVISIONER_").partition("__")
            if variable.startswith("PROVISIONER_") and nested and section.lower() not in cls.model_fields:
                raise _wrong(variable, *_SAID["extra_forbidden"])
        try:
            return cls(**values)
        except tomllib.TOMLDecodeError as error:
            raise _wrong(own or str(DEFAULT), f"not TOML: {error}", f"không đúng TOML: {error}") from error
        except SettingsError as error:
            section = str(error).split('"')[1]  # pydantic-settings names no more than the section
            raise _wrong(section, *_SAID["json_invalid"]) from None
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            en, vi = _SAID.get(first["type"], (first["msg"], first["msg"]))
            limits = first.get("ctx", {})
            raise _wrong(name, en.format(**limits), vi.format(**limits)) from None

    def bind_password(self) -> Secret:
        return self._needed("directory.bind_password", self.directory.bind_password)

    def config_password(self) -> Secret:
        return self._needed("directory.config_password", self.directory.config_password)

    def mail_password(self) -> Secret:
        return self._needed("mail.bind_password", self.mail.bind_password)

    def activation_password(self) -> Secret:
        return self._needed("activation.bind_password", self.activation.bind_password)

    def notices_password(self) -> Secret:
        return self._needed("notices.password", self.notices.password)

    def client_secret(self) -> Secret:
        """Empty for a public client."""
        return _secret(self.oidc.client_secret or SecretStr(""))

    def passphrase(self) -> Secret:
        return self._needed("authority.passphrase", self.authority.passphrase)

    def pin(self) -> Secret:
        """The PIN of the token, from the environment or its file, which nobody else may read."""
        section = self.authority
        if not section.pin_file or (section.pin and section.pin.get_secret_value()):
            return self._needed("authority.pin", section.pin)
        path = _from_root(Path(section.pin_file))
        try:
            if path.stat().st_mode & 0o077:
                raise _wrong(
                    "authority.pin_file", f"{path} is open to others", f"{path} cho phép người khác đọc"
                )
            return Secret(path.read_text("utf-8").strip("\r\n"))
        except (OSError, ValueError) as error:
            raise _wrong(
                "authority.pin_file", f"it cannot be read: {error}", f"không đọc được: {error}"
            ) from error

    def key_secret(self) -> Secret:
        """What opens the authority's keys: the passphrase of the files, or the PIN of the token."""
        return self.pin() if self.authority.store == "pkcs11" else self.passphrase()

    def sealing_keys(self) -> Secret:
        return self._needed("identity.keys", self.identity.keys)

    @staticmethod
    def _needed(name: str, value: SecretStr | None) -> Secret:
        if value is None or not value.get_secret_value():
            variable = "PROVISIONER_" + name.replace(".", "__").upper()
            raise _wrong(
                name,
                f"it is not set; put it into the environment as {variable}",
                f"chưa đặt; hãy đặt {variable}",
            )
        return _secret(value)


_SAID = {
    "extra_forbidden": ("there is no such setting", "không có mục cài đặt này"),
    "missing": ("it is missing", "chưa có giá trị"),
    "json_invalid": (
        'a list in a variable of the environment is written as ["one", "other"]',
        'danh sách trong biến môi trường phải viết dạng ["một", "hai"]',
    ),
    "float_parsing": ("it has to be a number", "phải là một số"),
    "int_parsing": ("it has to be a whole number", "phải là số nguyên"),
    "int_from_float": ("it has to be a whole number", "phải là số nguyên"),
    "int_type": ("it has to be a whole number", "phải là số nguyên"),
    "greater_than": ("it has to be more than {gt}", "phải lớn hơn {gt}"),
    "greater_than_equal": ("it has to be {ge} or more", "phải từ {ge} trở lên"),
    "less_than_equal": ("it has to be {le} or less", "phải từ {le} trở xuống"),
    "string_pattern_mismatch": ("it has to have the form {pattern}", "phải có dạng {pattern}"),
    "string_too_short": ("it is empty", "không được để trống"),
    "string_too_long": ("it has more than {max_length} characters", "dài quá {max_length} ký tự"),
}
"""The usual mistakes in words, by pydantic's name for them: in English and in Vietnamese."""


def _wrong(name: str, en: str, vi: str) -> Misconfigured:
    return Misconfigured(
        Text(vi=f"Cài đặt {name} không dùng được: {vi}.", en=f"The setting {name} cannot be used: {en}."),
        code="setting-wrong",
    )
