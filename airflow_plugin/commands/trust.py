"""Whom to trust on the way to a queue API, and who we are."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from airflow_plugin.commands.errors import ConnectionUnusable
from airflow_plugin.commands.site import Site


def trust(site: Site) -> ssl.SSLContext:
    """Return what a connection says of certificates.

    :raises ConnectionUnusable: when a file cannot be read, or is not what it should be.
    """
    context = _authorities(site)
    if not site.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if site.client_cert_file is not None:
        _identify(context, site.client_cert_file, site.client_key_file)
    return context


def _authorities(site: Site) -> ssl.SSLContext:
    """Trust the given authorities, or else this host's own, as its other programs do."""
    if site.ca_file is not None or site.ca_pem is not None:
        where = f"ca_file: {site.ca_file}" if site.ca_pem is None else "ca_pem"
        try:
            return ssl.create_default_context(cafile=site.ca_file, cadata=site.ca_pem)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            msg = f"The connection's {where} holds no certificates that can be read here: {error}"
            raise ConnectionUnusable(msg) from error
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None and paths.capath is None:
        return httpx.create_ssl_context()  # a Python built away from this host does not find its authorities
    return ssl.create_default_context()


def _identify(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Show this certificate to servers that ask for one."""
    try:
        # Nobody is there to be asked for a password.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        msg = (
            f"The connection's client_cert_file: {certificate} and {key or certificate} hold no certificate with its "
            f"key ({error.reason or error}); both must be PEM, the key without a password"
        )
        raise ConnectionUnusable(msg) from error
    except OSError as error:
        missing = next((file for file in (certificate, key) if file and not file.is_file()), key or certificate)
        msg = f"The connection's client_cert_file or client_key_file: cannot read {missing} here: {error.strerror}"
        raise ConnectionUnusable(msg) from error
