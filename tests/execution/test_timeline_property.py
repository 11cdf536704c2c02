"""Of any run the critical path reaches from its beginning to its end, without gaps; and so does what each step did."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulation import Simulation
from test_structure_property import World, workflows

from graphbit_nb.core.critical import shares, timeline
from graphbit_nb.graph.order import before

NEAR = 1e-6


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_its_stretches_follow_each_other_and_sum_to_what_the_run_took(data):
    made = data.draw(workflows(World()))
    run = Simulation(*made.nodes.values(), max_concurrency=data.draw(st.integers(1, 4)), parks=True)
    found = timeline(run.snapshot, before(run.workflow))
    at = found.started
    for link in found.critical:
        assert abs(link.stretch.start - at) < NEAR
        assert link.stretch.end > link.stretch.start
        at = link.stretch.end
    assert abs(at - found.ended) < NEAR
    assert abs(sum(share.seconds for share in shares(found)) - found.seconds) < NEAR
    for bar in found.bars:
        if bar.is_composite:
            continue
        assert abs(sum(stretch.seconds for stretch in bar.stretches) - bar.seconds) < NEAR
        assert all(a.end == b.start for a, b in zip(bar.stretches, bar.stretches[1:], strict=False))
    for seconds in found.without.values():
        assert seconds <= found.seconds + NEAR
