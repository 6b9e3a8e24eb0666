"""Every image, to filter, to sort and to look at."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.analysis.blocks import Section
from skin.analysis.caveats import never_saw
from skin.analysis.report import wording
from skin.analysis.report.browser import agreement, columns
from skin.analysis.report.browser.block import Browser
from skin.analysis.report.browser.pictures import SIDES, Thumbnails, make_thumbnails
from skin.analysis.report.context import Context

_INTRO = (
    "All out-of-fold images, each predicted by models that {never_saw}. The address bar keeps the "
    "filters, so that a view can be passed on."
)


def section(context: Context) -> Section:
    """Give the browser of the ranked rows' images, and a table of what they get right."""
    rows, task = context.comparison.ranked, context.comparison.task
    thumbnails = _thumbnails(context)
    table = agreement.images_table(task, rows)
    browser = Browser(
        data=columns.to_json(task, rows, context.images, thumbnails.side if thumbnails else None),
        pictures=thumbnails.to_json() if thumbnails else "[]",
        images=len(table.frame),
        runs=tuple(row.entry.name for row in rows),
        notice=_notice(context, thumbnails),
        table=f"tables/{table.name}.csv",
    )
    return Section(
        key="browser",
        title="Image browser",
        blocks=[browser, table],
        intro=_INTRO.format(never_saw=never_saw(wording.leaking(rows))),
        finding=agreement.finding(task, rows),
    )


def _thumbnails(context: Context) -> Thumbnails | None:
    dataset = context.dataset
    if dataset is None or not dataset.short_sides:
        return None
    order = context.comparison.best.entry.oof["image_id"]
    rows = pd.Index(dataset.table["image_id"]).get_indexer(order).astype(np.int64)
    return make_thumbnails(dataset, rows, _priority(context))


def _priority(context: Context) -> NDArray[np.int64]:
    """(N,) 0 for what the best row gets wrong, 1 for what another one does, 2 for the rest."""
    right = agreement.rights(context.comparison.ranked)
    priority: NDArray[np.int64] = np.where(~right[:, 0], 0, np.where(~right.all(axis=1), 1, 2))
    return priority


def _notice(context: Context, thumbnails: Thumbnails | None) -> str:
    if context.dataset is None:
        return (
            f"No pictures and no metadata: {context.missing} Make the report where the dataset "
            "is, or name its folder: `skin report --data-dir DIR`."
        )
    if thumbnails is None:
        return (
            f"No pictures: dataset '{context.dataset.name}' has no cached images. Add it again "
            f"with `skin data add … --short-side {SIDES[0]}`."
        )
    left_out = len(thumbnails.data) - thumbnails.kept
    if not left_out:
        return ""
    return (
        f"Pictures of {thumbnails.kept:,} of {len(thumbnails.data):,} images: the page has no room "
        f"for more. Those that a run gets wrong come first; {left_out:,} others have none."
    )
