from .protocol_iou_metric import ProtocolIoUMetric

__all__ = ['ProtocolIoUMetric']
