// Command floor serves the fork of MinIO that the gateway is built on, over objects in memory and without anything of ours. What
// it needs for a request is what no gateway can be below as long as the fork stays as it is. It is for the bench alone.
//
//	floor [-gateway] [-front] HOST:PORT
//
// With -gateway the objects are those of the gateway's layer, in a volume whose database and data are in memory. With -front the
// gateway's front stands before the server, so that the difference is what the front costs, on either layer. The gateway's layer
// is never served without the front elsewhere: it trusts who comes past it.
//
// The root user's keys come from MINIO_ROOT_USER and MINIO_ROOT_PASSWORD.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/minio/cli"
	minio "github.com/minio/minio/cmd"

	"juicefs/gateway"
	"juicefs/gateway/front"
)

func main() {
	withGateway := flag.Bool("gateway", false, "serve the gateway's layer")
	withFront := flag.Bool("front", false, "put the gateway's front before the server")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "usage: floor [-gateway] [-front] HOST:PORT") }
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := serve(context.Background(), flag.Arg(0), *withGateway, *withFront); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// serve returns only with an error: signals end the process.
func serve(ctx context.Context, address string, withGateway, withFront bool) error {
	failed := make(chan error, 1)
	own := newLayer()
	b := &begun{ObjectLayer: own, failed: failed}
	store := front.Store(own)
	o := gateway.Options{Address: address, MultiBuckets: true, KeepETag: true, ObjectTag: true, ObjectMeta: true}
	if withGateway {
		l, err := newGateway(ctx, o)
		if err != nil {
			return err
		}
		b.ObjectLayer, store = l, l
		b.begin = append(b.begin, func() error { return l.Start(ctx) })
	}
	if withFront {
		b.begin = append(b.begin, mountFront(address, store, o, failed).serve)
	}
	app := cli.NewApp()
	app.Name, app.HideHelp, app.HideVersion = "floor", true, true
	app.Flags = []cli.Flag{cli.StringFlag{Name: "address"}, cli.StringFlag{Name: "certs-dir"}, cli.BoolFlag{Name: "anonymous"},
		cli.BoolFlag{Name: "quiet"}, cli.BoolFlag{Name: "json"}}
	app.Action = func(c *cli.Context) { minio.ServerMainForJFS(c, b) }
	go func() {
		err := app.Run([]string{"server", "--address", address, "--anonymous", "--quiet"})
		failed <- errors.Join(errors.New("the server ended"), err)
	}()
	return <-failed
}
