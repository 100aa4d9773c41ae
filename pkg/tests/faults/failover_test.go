package faults

import (
	"fmt"
	"strings"
	"testing"

	"juicefs/pkg/tests/oracle"
	"juicefs/pkg/tests/redistest"
)

// The master hands over to its replica without losing anything, and becomes a replica itself: it answers READONLY until the
// sentinel tells the gateway of the new master.
func TestMasterBecomesAReplicaUnderLoad(t *testing.T) {
	t.Parallel()
	g := redistest.StartSentinel(t)
	w := &world{t: t, redis: g.Master}
	w.serve(g.URL(1) + fmt.Sprintf("?pool_size=%d&min_idle_conns=%[1]d", poolSize))
	w.fault(func(l *load) {
		host, port, _ := strings.Cut(g.Replica.Addr, ":")
		g.Master.Do(t, "FAILOVER", "TO", host, port)
		oracle.Poll(t, healTime, func() error {
			if role := fmt.Sprint(g.Master.Do(t, "INFO", "replication")); !strings.Contains(role, "role:slave") {
				return fmt.Errorf("still the master: %s", role)
			}
			return nil
		})
		oracle.Poll(t, healTime, func() error {
			if n := w.refused(g.Master, "READONLY"); n == 0 {
				return fmt.Errorf("nothing was refused")
			}
			return nil
		})
		g.Failover(t)
		w.redis = g.Replica // which serves from now on
		l.goesOn(20)
	})
}
