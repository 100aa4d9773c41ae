package redistest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Cluster is a cluster of masters.
type Cluster struct{ Nodes []*Server }

// StartCluster starts a cluster of three masters and waits until all of them serve.
func StartCluster(tb testing.TB) *Cluster {
	tb.Helper()
	const nodes, slots = 3, 16384
	c := &Cluster{}
	for i := range nodes {
		_, bus, err := net.SplitHostPort(freeAddr(tb))
		if err != nil {
			tb.Fatal(err)
		}
		s := start(tb, "", "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000")
		s.Do(tb, "CLUSTER", "ADDSLOTSRANGE", i*slots/nodes, (i+1)*slots/nodes-1)
		s.Do(tb, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i > 0 {
			host, port, err := net.SplitHostPort(s.Addr)
			if err != nil {
				tb.Fatal(err)
			}
			c.Nodes[0].Do(tb, "CLUSTER", "MEET", host, port, bus)
		}
		c.Nodes = append(c.Nodes, s)
	}
	for _, s := range c.Nodes {
		if err := poll(tb.Context(), startTime, func() error {
			info := fmt.Sprint(s.Do(tb, "CLUSTER", "INFO"))
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(nodes)) {
				return fmt.Errorf("cluster is not ready: %s", info)
			}
			return nil
		}); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

// URL returns the address of a volume's place in the cluster.
func (c *Cluster) URL(number int) string {
	var addrs []string
	for _, s := range c.Nodes {
		addrs = append(addrs, s.Addr)
	}
	return "redis://" + strings.Join(addrs, ",") + "/" + strconv.Itoa(number)
}

// Drop removes everything of a volume's place in the cluster. It may be part of the clean-up of a test.
func (c *Cluster) Drop(tb testing.TB, number int) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	for _, s := range c.Nodes {
		found, err := s.try(ctx, "KEYS", fmt.Sprintf("{%d}*", number))
		keys, _ := found.([]any)
		for batch := range slices.Chunk(keys, 1000) {
			if err == nil {
				_, err = s.try(ctx, append([]any{"UNLINK"}, batch...)...)
			}
		}
		if err != nil {
			tb.Errorf("drop volume %d from %s: %v", number, s.Addr, err)
		}
	}
}

// Sentinel is a master with a replica, and a sentinel that lets the replica take over.
type Sentinel struct {
	Master, Replica *Server // as they were started
	Watcher         *Server // the sentinel

	asked bool // a failover was wanted
}

// masterName is what the sentinel calls its master.
const masterName = "boss"

// StartSentinel starts the three and waits until a failover could succeed.
func StartSentinel(tb testing.TB) *Sentinel {
	tb.Helper()
	return startSentinel(tb, nil, nil, "")
}

// StartGuardedSentinel is StartSentinel with passwords, one of both servers and one of the sentinel.
func StartGuardedSentinel(tb testing.TB, password, sentinelPassword string) *Sentinel {
	tb.Helper()
	return startSentinel(tb, []string{"--requirepass", password, "--masterauth", password}, []string{"--requirepass", sentinelPassword},
		fmt.Sprintf("sentinel auth-pass %s %s\n", masterName, password))
}

// startSentinel starts the three with more arguments of the servers and of the sentinel, and more lines of its configuration.
func startSentinel(tb testing.TB, servers, watcher []string, lines string) *Sentinel {
	tb.Helper()
	servers = append([]string{"--repl-diskless-sync-delay", "0"}, servers...)
	g := &Sentinel{Master: Start(tb, servers...)}
	host, port, err := net.SplitHostPort(g.Master.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	g.Replica = Start(tb, append(servers, "--replicaof", host+" "+port)...)
	conf := filepath.Join(tb.TempDir(), "sentinel.conf")
	// On a busy machine a master may be silent for long. A failover that nobody asked for would lose what the replica does not
	// have yet, which is no fault of whoever is tested.
	text := fmt.Sprintf("sentinel monitor %s %s %s 1\nsentinel down-after-milliseconds %[1]s 60000\nsentinel failover-timeout %[1]s 3000\n", masterName, host, port) + lines
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	g.Watcher = start(tb, conf, append([]string{"--sentinel"}, watcher...)...)
	tb.Cleanup(func() {
		if log := g.Watcher.Log(); !g.asked && strings.Contains(log, "+switch-master") {
			tb.Errorf("the sentinel changed the master, and nobody had asked it to:\n%s", log)
		}
	})
	if err := poll(tb.Context(), startTime, func() error {
		if role := fmt.Sprint(g.Replica.Do(tb, "INFO", "replication")); !strings.Contains(role, "master_link_status:up") {
			return fmt.Errorf("the replica is not in step: %s", role)
		}
		if known := fmt.Sprint(g.Watcher.Do(tb, "SENTINEL", "REPLICAS", masterName)); !strings.Contains(known, g.Replica.Addr) {
			return fmt.Errorf("the sentinel does not know the replica: %s", known)
		}
		return nil
	}); err != nil {
		tb.Fatal(err)
	}
	return g
}

// URL returns the address of a database of whoever is the master.
func (g *Sentinel) URL(db int) string {
	host, port, _ := strings.Cut(g.Watcher.Addr, ":")
	return "redis://" + masterName + "," + host + ":" + port + "/" + strconv.Itoa(db)
}

// Failover makes the replica the master and waits until it is and the sentinel says so. The former master goes on as one for
// some seconds, as in a network that fell apart, until the sentinel makes it a replica.
func (g *Sentinel) Failover(tb testing.TB) {
	tb.Helper()
	g.asked = true
	asked := false
	if err := poll(tb.Context(), startTime, func() error {
		if !asked {
			if _, err := g.Watcher.try(tb.Context(), "SENTINEL", "FAILOVER", masterName); err != nil {
				return err
			}
			asked = true
		}
		role, err := g.Replica.try(tb.Context(), "INFO", "replication")
		if err != nil {
			return err
		}
		known, err := g.Watcher.try(tb.Context(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName)
		if err != nil {
			return err
		}
		_, port, _ := net.SplitHostPort(g.Replica.Addr)
		if !strings.Contains(fmt.Sprint(role), "role:master") || !strings.Contains(fmt.Sprint(known), port) {
			return fmt.Errorf("%s is not the master yet", g.Replica.Addr)
		}
		return nil
	}); err != nil {
		tb.Fatal(err)
	}
}
