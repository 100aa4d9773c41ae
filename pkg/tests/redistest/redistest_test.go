package redistest_test

import (
	"fmt"
	"testing"

	"juicefs/pkg/tests/redistest"
)

func TestServerRestartsOnItsAddress(t *testing.T) {
	s := redistest.Start(t)
	s.Do(t, "SET", "k", "v")
	s.Kill(t)
	s.Restart(t)
	if got := fmt.Sprint(s.Do(t, "EXISTS", "k")); got != "0" {
		t.Errorf("EXISTS = %s after a restart", got)
	}
}

func TestClusterServesAllSlots(t *testing.T) {
	c := redistest.StartCluster(t)
	if len(c.Nodes) != 3 {
		t.Fatalf("%d nodes", len(c.Nodes))
	}
}

func TestSentinelFailsOver(t *testing.T) {
	g := redistest.StartSentinel(t)
	g.Master.Do(t, "SET", "k", "v")
	g.Master.Do(t, "WAIT", 1, 5000)
	g.Failover(t)
	if got := fmt.Sprint(g.Replica.Do(t, "GET", "k")); got != "v" {
		t.Errorf("GET = %s at the new master", got)
	}
}
