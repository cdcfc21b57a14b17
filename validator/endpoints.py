"""The endpoints of the HTTP application by Flask's names, which are the label `route` of the metrics, too.

The limits, the metrics, the fast path and the blueprints take them from here.
"""

from enum import StrEnum

HEALTH, OPENAPI, CALLBACKS, LOGIN = "health", "openapi", "callbacks", "login"
TOKENS, WEBCHAT, PORTAL, FRONT = "tokens", "webchat", "portal", "front"
CUSTOMERS, CARDS = "customers", "cards"
POP, POP_PAGE = "pop", "pop_page"
VERIFICATION, VERIFICATIONS, IVR = "verification", "verifications", "ivr"


class Endpoint(StrEnum):
    """The name of a blueprint, a dot, and the name of a view."""

    ALIVE = f"{HEALTH}.alive"
    READY = f"{HEALTH}.ready"
    DESCRIPTION = f"{OPENAPI}.description"
    VALIDATE_AGENT = f"{CALLBACKS}.third_party_validate"
    VALIDATE_CHAT = f"{CALLBACKS}.chat_third_party_validate"
    LOG_IN = f"{LOGIN}.log_in"
    LOG_OUT = f"{LOGIN}.log_out"
    WHO_AM_I = f"{LOGIN}.who_am_i"
    CHANGE_PASSWORD = f"{LOGIN}.change_password"
    ISSUE_AGENT = f"{TOKENS}.issue_agent"
    ISSUE_CHAT = f"{TOKENS}.issue_chat"
    REVOKE = f"{TOKENS}.revoke"
    INTROSPECT = f"{TOKENS}.introspect"
    GREET = f"{WEBCHAT}.greet"
    AUTHORIZE = f"{WEBCHAT}.authorize"
    PREFLIGHT = f"{WEBCHAT}.preflight"
    PORTAL_HOME = f"{PORTAL}.home"
    PORTAL_LOGIN = f"{PORTAL}.login"
    PORTAL_AGENT = f"{PORTAL}.agent"
    PORTAL_CUSTOMER = f"{PORTAL}.customer"
    PORTAL_GUEST = f"{PORTAL}.guest"
    PORTAL_ASSET = f"{PORTAL}.asset"
    PORTAL_ASSET_OF_VERSION = f"{PORTAL}.asset_of_version"
    FRONT_DOOR = f"{FRONT}.front_door"
    QUERY_CUSTOMER = f"{CUSTOMERS}.query_customer"
    LOOK_UP = f"{CARDS}.look_up"
    UNMASK = f"{CARDS}.unmask"
    POP_SHOW = f"{POP_PAGE}.show"
    POP_CODE = f"{POP}.issue_code"
    POP_LOG_IN = f"{POP}.log_in"
    POP_WHO_AM_I = f"{POP}.who_am_i"
    POP_LOG_OUT = f"{POP}.log_out"
    VERIFY = f"{VERIFICATION}.verify"
    VERIFICATION_LATEST = f"{VERIFICATIONS}.latest"
    VERIFICATION_RESET = f"{VERIFICATIONS}.reset"
    IVR_QUERY = f"{IVR}.fetch"
