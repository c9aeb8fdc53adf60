"""The offline auditor: ``findings = await audit(database, deliveries=..., received=...)``."""

from services.standalone.audit.run import audit

__all__ = ["audit"]
