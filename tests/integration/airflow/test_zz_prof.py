import time
from sqlalchemy import event
from airflow import settings
from tests.integration.airflow.test_sync_cost import running_jobs, took
import pytest
@pytest.mark.timeout(300)
def test_profile(bed):
    ex = running_jobs(bed, 10000)
    rec=[]
    event.listen(settings.engine,"before_cursor_execute",lambda *a: rec.append((a[2],a[3])))
    for i in range(6):
        rec.clear(); bed.clock.pass_by(3); c=time.process_time(); t=time.perf_counter(); ex.sync(); print(f"--- wall {(time.perf_counter()-t)*1000:.1f} cpu {(time.process_time()-c)*1000:.1f}")
    with bed.session() as s:
        for st,pa in list(rec):
            if st.startswith("SELECT"):
                c=time.process_time(); s.connection().exec_driver_sql(st,pa).fetchall(); d=time.process_time()-c
                print(f"{d*1000:.1f}", " ".join(st.split())[:90]); 
                if bed and settings.engine.dialect.name=="sqlite": print("    ", [r[3] for r in s.connection().exec_driver_sql("EXPLAIN QUERY PLAN "+st,pa).fetchall()])
