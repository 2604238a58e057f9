"""channel_authorize: an unknown key type has a separate error."""

from adapters.adapter import JsonObject, MethodAdapter
from adapters.errors import error_result
from adapters.secrets import KEY_PARAMS

_KEY_TYPES = ("secp256k1", "ed25519")


class ChannelAuthorize(MethodAdapter):
    """A bad `key_type` is `badKeyType`, not `invalidParams` (rippled's keypairForSignature)."""

    method = "channel_authorize"

    def downgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if result["error"] == "badKeyType":
            result.update(error_result("invalidParams", "Invalid field 'key_type'."))
        return result

    def upgrade_error(self, result: JsonObject, params: JsonObject) -> JsonObject:
        if result["error"] == "invalidParams" and _only_fault_is_key_type(params):
            result.update(error_result("badKeyType"))
        return result


def _only_fault_is_key_type(params: JsonObject) -> bool:
    """Whether all checks before that of the key type, which return `invalidParams` in both versions, were passed."""
    complete = "channel_id" in params and "amount" in params and sum(name in params for name in KEY_PARAMS) == 1
    key_type = params.get("key_type")
    return complete and isinstance(key_type, str) and key_type not in _KEY_TYPES
