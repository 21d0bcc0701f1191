from .class_iou_metric import ClassIoUMetric
from .protocol_iou_metric import ProtocolIoUMetric
