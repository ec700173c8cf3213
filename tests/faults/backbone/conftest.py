from tests.integration.backbone.conftest import outside, rpc, stage

__all__ = ["outside", "rpc", "stage"]
