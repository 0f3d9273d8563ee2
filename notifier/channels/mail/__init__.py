"""The parts of the e-mail channel: writing, handing over, what replies and bounces mean."""
