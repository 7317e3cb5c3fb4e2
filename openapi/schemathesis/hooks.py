"""What Schemathesis cannot know from the document alone: who is in the seeded group, and what a 400 means."""

import os
import re
import zlib

import schemathesis

GROUP_ID = int(os.environ["RANKBOT_GROUP_ID"])
# The seeded members, the owner, and somebody who is not in the group.
USER_IDS = [100_001, 100_002, 200_001, 200_002, 200_003, 200_004, 200_005, 200_006, 900_001]

# Refusals of a request that is as the document says, because of how the group stands: no role at the rank, or two.
BECAUSE_OF_THE_GROUP = {"ROLE_NOT_FOUND", "AMBIGUOUS_ROLE"}


def is_id(value):
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 2**53 - 1


def is_rank(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 255


def as_seeded(fields):
    """The same fields with valid ids turned into those of the seeded world: what is valid stays valid, what is not
    stays as it is. A random group would only ever be answered with GROUP_NOT_LINKED."""
    if not isinstance(fields, dict):
        return fields
    fields = dict(fields)
    if is_id(fields.get("groupId")) and fields["groupId"] % 8:
        fields["groupId"] = GROUP_ID
    if is_id(fields.get("userId")):
        fields["userId"] = USER_IDS[fields["userId"] % len(USER_IDS)]
    # A schema cannot say that the lowest rank comes first.
    ranks = fields.get("ifRank")
    if isinstance(ranks, list) and len(ranks) == 2 and all(map(is_rank, ranks)):
        fields["ifRank"] = sorted(ranks)
    return fields


@schemathesis.hook
def map_body(context, body):
    return as_seeded(body)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    return as_seeded(path_parameters)


@schemathesis.hook
def map_query(context, query):
    return as_seeded(query)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Most valid idempotency keys get a part that depends on the request. As they come, they are few, and most requests
    would be refused as another one under a key that was used."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch(r"[!-~]{1,200}", key):
        request = repr((case.method, case.path, case.path_parameters, case.body))
        digest = zlib.crc32(request.encode(errors="replace"))
        if digest % 8:
            case.headers["Idempotency-Key"] = f"{key}-{digest:08x}"


@schemathesis.check
def valid_request_is_refused_for_the_groups_state_alone(ctx, response, case):
    """The stock check looks at the status alone, and so has to let every 400 and 422 pass where one can be right. This
    one looks at the code."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code not in (400, 422):
        return
    code = response.json().get("code")
    if response.status_code == 422:
        assert code == "IDEMPOTENCY_KEY_REUSED", f"a valid request is refused with {code}"
    else:
        assert code in BECAUSE_OF_THE_GROUP, f"a valid request is refused with {code}: {response.json().get('message')}"
