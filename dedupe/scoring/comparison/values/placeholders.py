"""Values that say that there is none: ``N/A``, ``0000000000``, ``test@test.com``, ``1900-01-01``.

They are set aside before records are compared. Values that many different records share, such as
the phone number of a head office, are found by how they occur in the file; see
:mod:`.shared_values`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dedupe.scoring.comparison.values.roles import Role
from dedupe.scoring.comparison.values.text_steps import Texts, TextSteps

_ANY = (
    r"^(?:n/?\.?a\.?|none|null|nil|nan|unknown|unkn?|unbekannt|inconnue?|desconocid[oa]|"
    r"sconosciut[oa]|onbekend|tbd|tba|to be confirmed|to be advised|"
    r"not (?:available|applicable|provided|known|given|specified|stated|recorded|set)|"
    r"no (?:name|address|phone|e-?mail|data|value|information|info)|missing|unspecified|undefined|"
    r"anonymous|keine angaben?|k\.?a\.?|sin datos|see notes?|test|dummy|sample|example|x{2,}|\?+|"
    r"-+|\.+|#n/?a|\(?(?:blank|empty|leer)\)?)$"
)
_PHONE = (
    r"^\+?(?:0+|1+|2+|3+|4+|5+|6+|7+|8+|9+|0?1234567(?:8(?:90?)?)?|0?123456789|987654321|12345)$"
)
_EMAIL = (
    r"^(?:test|none|noreply|no-reply|donotreply|na|n/a|nobody|no|noemail|unknown|example|x+|abc|"
    r"asdf|null|nomail|email|someone)@"
    r"|@(?:test|none|nowhere|noemail|invalid|domain)\.(?:com|org|net)$"
)
_DATE = (
    r"^(?:(?:19|20)00-0?1-0?1|1970-0?1-0?1|0?1[/.-]0?1[/.-](?:1900|1970|2000|00)|19000101|19700101|"
    r"1111-11-11|9999-12-31|99991231|0000-00-00|0?0[/.-]0?0[/.-]0000)(?:[t ].*)?$"
)


def is_no_value(values: Texts) -> NDArray[np.bool_]:
    """Tell which values say, in words or signs, that there is none, whatever their field."""
    return _NO_VALUE.array(values)


def is_placeholder(values: Texts, role: Role) -> NDArray[np.bool_]:
    """Tell which values of a phone, e-mail or date field are placeholders."""
    if not may_be_placeholder(role):
        return np.zeros(len(values), dtype=bool)
    return _PLACEHOLDERS[role].array(values)


def may_be_placeholder(role: Role) -> bool:
    """Tell whether fields of some role have placeholders."""
    return role in _PLACEHOLDERS


_NO_VALUE = TextSteps().contains(_ANY)
_PLACEHOLDERS: Mapping[Role, TextSteps] = {
    Role.PHONE: TextSteps().replace_all(r"[\s()./\-]", "").contains(_PHONE),
    Role.EMAIL: TextSteps().contains(_EMAIL),
    Role.DATE: TextSteps().contains(_DATE),
}
