/// How a mixture's routers send tokens to experts (`routing`), and what-ifs.
package vitrine.core.work.routing;
