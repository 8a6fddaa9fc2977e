"""What a form of JSON Schema cannot say of a request, put right before it is sent."""

import schemathesis


@schemathesis.hook
def map_body(context, body):
    return ordered(whole(body))


def whole(value):
    """5.0 is an integer for JSON Schema. The server wants integers written as such."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [whole(member) for member in value]
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    return value


def ordered(body):
    """Objects have no order, and a bundle has one: the manifest comes first."""
    if isinstance(body, dict) and "manifest" in body:
        return {"manifest": body["manifest"], **body}
    return body
