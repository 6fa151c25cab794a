"""The checklist of debugging as code: what is wrong with a training script."""

from course_utils.diagnose.call import diagnose
from course_utils.diagnose.checks import CHECKS, Check
from course_utils.diagnose.report import Finding, Report

__all__ = ["CHECKS", "Check", "Finding", "Report", "diagnose"]
