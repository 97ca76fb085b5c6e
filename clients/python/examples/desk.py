"""A session at a desk: buys stock, arms a sale, and waits until that has fired."""

import sys

import allot


def main() -> None:
    with allot.Desk(sys.argv[1] if len(sys.argv) > 1 else allot.FRONT) as desk:
        print("cash", desk.add("ann", "1000.00")["cash"])
        order = desk.buy("ann", "ABC", "500.00")
        print("pending", order["shares"], "shares at", order["price"])
        desk.commit_buy("ann")
        try:
            desk.sell("ann", "XYZ", "10.00")
        except allot.Rejected as rejected:
            print("refused:", rejected.code)
        desk.set_sell_amount("ann", "ABC", "100.00")
        desk.set_sell_trigger("ann", "ABC", order["price"])
        fired = desk.next_trigger(timeout=60)
        print("sold", fired["shares"] if fired else "nothing yet")


if __name__ == "__main__":
    main()
