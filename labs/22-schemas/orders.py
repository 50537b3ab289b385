"""The schema of the lab, and the changes that somebody wants to make to it."""


def record(*fields):
    return {"type": "record", "name": "Order", "fields": list(fields)}


ID = {"name": "order_id", "type": "int"}
USER = {"name": "user_id", "type": "string"}
AMOUNT = {"name": "amount", "type": "double", "default": 0}
OLD = record(ID, USER, AMOUNT)

CHANGES = {
    "currency-with-default": record(ID, USER, AMOUNT, {"name": "currency", "type": "string", "default": "INR"}),
    "currency-without-default": record(ID, USER, AMOUNT, {"name": "currency", "type": "string"}),
    "no-user": record(ID, AMOUNT),
    "order-is-long": record({"name": "order_id", "type": "long"}, USER, AMOUNT),
}
LEVELS = ("BACKWARD", "FORWARD", "FULL")
ROWS = [(level, change) for change in CHANGES for level in LEVELS]
