/// The window's services, put together in one place: [vitrine.app.services.Services].
package vitrine.app.services;
