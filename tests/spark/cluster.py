"""A Spark cluster on this machine, for tests and benchmarks: executors are processes of their own, on loopback only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def cluster(executors: int, folder: Path, **settings: str) -> Iterator[Any]:
    """Yield a session with `executors` executors of one core and 1 GiB each; all that they write lies in `folder`."""
    import pyspark
    from pyspark.sql import SparkSession

    import residency

    os.environ |= {
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_WORKER_DIR": str(folder / "work"),
    }
    builder = SparkSession.builder.master(f"local-cluster[{executors},1,1024]").appName("residency")
    for name, value in {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executorEnv.PYTHONPATH": str(Path(residency.__file__).parents[1]),
        "spark.local.dir": str(folder / "local"),
        "spark.sql.shuffle.partitions": str(2 * executors),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        **settings,
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()
