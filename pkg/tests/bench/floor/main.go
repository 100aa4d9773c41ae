// Command floor serves the fork of MinIO that the gateway is built on, over objects in memory and without anything of ours. What
// it needs for a request is what no gateway can be below as long as the fork stays as it is. It is for the bench alone.
//
//	floor HOST:PORT
//
// The root user's keys come from MINIO_ROOT_USER and MINIO_ROOT_PASSWORD.
package main

import (
	"fmt"
	"os"

	"github.com/minio/cli"
	minio "github.com/minio/minio/cmd"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: floor HOST:PORT")
		os.Exit(2)
	}
	app := cli.NewApp()
	app.Name, app.HideHelp, app.HideVersion = "floor", true, true
	app.Flags = []cli.Flag{cli.StringFlag{Name: "address"}, cli.StringFlag{Name: "certs-dir"}, cli.BoolFlag{Name: "anonymous"},
		cli.BoolFlag{Name: "quiet"}, cli.BoolFlag{Name: "json"}}
	app.Action = func(c *cli.Context) { minio.ServerMainForJFS(c, newLayer()) }
	if err := app.Run([]string{"server", "--address", os.Args[1], "--anonymous", "--quiet"}); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}
