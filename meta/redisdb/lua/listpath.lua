-- Walks a path and lists the directory that it leads to. It starts with path.lua and page.lua and only reads.
--
-- KEYS[1]  any key of the volume: it finds the server in a cluster
-- ARGV     the prefix of all keys, the directory where the path starts, the extended attribute that is wanted or "", the name
--          after which the page starts, how many entries it has at most, how many the directory may have at most, how many
--          names the path has, those names, and names whose entries are wanted besides
--
-- Answer: what walk met; then, if the path leads to a directory, the answer of page, nil if it gave up, and an array of the
-- entries that are wanted besides. nil: walk gave up.
local P, to = ARGV[1], 7 + tonumber(ARGV[7])
local met, ino, t, attr = walk(P, ARGV[2], ARGV, 8, to, 0, false, false)
if not met then return false end
if not ino or t ~= 2 or not attr then return { met } end
local also = {}
if #ARGV > to then also = redis.call('HMGET', P .. 'd' .. ino, unpack(ARGV, to + 1)) end
return { met, page(P, true, ARGV[3], ino, ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), {}), also }
