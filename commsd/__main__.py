"""`python -m commsd` is `commsd`."""

from commsd.cli import main

if __name__ == "__main__":
    main()
