@echo off
rem Starts Vitrine with the runtime beside it, whatever java is on the PATH.
setlocal
set "HOME_DIR=%~dp0.."
set "RUNTIME=%HOME_DIR%\runtime"
if not exist "%RUNTIME%\bin\java.exe" set "RUNTIME=%HOME_DIR%\..\runtime"
set "AOT="
if exist "%HOME_DIR%\lib\vitrine.aot" set AOT="-XX:AOTCache=%HOME_DIR%\lib\vitrine.aot" -Xlog:disable -Xlog:all=error:stderr
"%RUNTIME%\bin\java.exe" %AOT% ^
  {options} ^
  %VITRINE_JAVA_OPTIONS% -cp "%HOME_DIR%\lib\vitrine.jar" vitrine.app.Main %*
exit /b %ERRORLEVEL%
