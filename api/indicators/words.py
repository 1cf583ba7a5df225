"""The words of the bulletin, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from api.indicators.names import Language, Naming
from api.indicators.periods import PeriodKind

TITLES: Mapping[PeriodKind, Naming] = {
    PeriodKind.MONTH: Naming("Monthly bulletin", "月度通报"),
    PeriodKind.QUARTER: Naming("Quarterly analysis", "季度分析"),
    PeriodKind.YEAR: Naming("Yearly summary", "年度总结"),
}

_WORDS: Mapping[str, Naming] = {
    "product": Naming("Digital city management", "数字化城市管理"),
    "none": Naming("none", "无"),
    "city": Naming("All departments", "全部部门"),
    "own_department": Naming("Only the department", "仅限部门"),
    "only_alarms": Naming("Only what became of alarms", "仅限告警审核情况"),
    "own_grids": Naming("Only the grids", "仅限网格"),
    "made_at": Naming("As of", "统计截至"),
    "running": Naming("The period is not over: figures may still change.", "统计期尚未结束，数据可能变动。"),
    "more": Naming("more are left out", "项未列出"),
    "overview": Naming("Overview", "总体情况"),
    "trend": Naming("Month by month", "逐月走势"),
    "by_department": Naming("By department", "分部门情况"),
    "by_grid": Naming("By grid", "分网格情况"),
    "by_kind": Naming("By kind", "分类别情况"),
    "league_department": Naming("League table of departments", "部门排名"),
    "league_grid": Naming("League table of grids", "网格排名"),
    "precision_camera": Naming("Precision of cameras", "摄像机准确率"),
    "worst_watches": Naming("Watches with most wrong alarms", "误报最多的监视点"),
    "indicator": Naming("Indicator", "指标"),
    "numerator": Naming("Cases", "件数"),
    "denominator": Naming("of", "基数"),
    "rate": Naming("Rate", "比率"),
    "before": Naming("Period before", "上期"),
    "change": Naming("Change", "增减"),
    "department": Naming("Department", "部门"),
    "grid": Naming("Grid", "网格"),
    "kind": Naming("Kind", "类别"),
    "camera": Naming("Camera", "摄像机"),
    "watch": Naming("Watch", "监视点"),
    "whose": Naming("Of", "范围"),
    "month": Naming("Month", "月份"),
    "rank": Naming("Rank", "名次"),
    "rank_before": Naming("Rank before", "上期名次"),
    "score": Naming("Score", "综合得分"),
    "score_before": Naming("Score before", "上期得分"),
    "due_to_handle": Naming("Due to handle", "应处置数"),
    "handled": Naming("Handled", "处置数"),
    "due_to_close": Naming("Due to close", "应结案数"),
    "closed": Naming("Closed", "结案数"),
    "received": Naming("Received", "受理数"),
    "filed": Naming("Filed", "立案数"),
    "handling": Naming("Handling rate", "处置率"),
    "on_time_handling": Naming("On-time handling rate", "按期处置率"),
    "closing": Naming("Closing rate", "结案率"),
    "on_time_closing": Naming("On-time closing rate", "按期结案率"),
    "rework": Naming("Rework rate", "返工率"),
    "extension": Naming("Extension rate", "延期率"),
    "overdue_open": Naming("Overdue-open rate", "超期待处置率"),
    "filing": Naming("Filing rate", "立案率"),
    "confirmed": Naming("Confirmed", "确认数"),
    "rejected": Naming("Rejected", "驳回数"),
    "precision": Naming("Precision", "准确率"),
    "kind_changed": Naming("Kind changed", "改类数"),
    "muted": Naming("Muted events", "静默事件数"),
    "median": Naming("Median minutes to decision", "审核用时中位数（分钟）"),
    "minutes_on_wrong": Naming("Minutes spent on wrong alarms", "误报耗时（分钟）"),
}


class Words:
    """Says a word of the bulletin, by its key, in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str) -> str:
        return _WORDS[key].in_language(self.language)

    def title(self, kind: PeriodKind) -> str:
        return TITLES[kind].in_language(self.language)
